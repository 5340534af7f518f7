import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/ports/errors.ts'
import { someNotes, TestDevices, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

/** Of the many operations of a scenario every so many is a place to die, so that the whole takes seconds. */
const STRIDE = Number(process.env.TANDEM_CRASH_STRIDE ?? 5)
const NOTES = {
  'Keep.md': 'kept\n',
  'Note.md': 'one\n\ntwo\n\nthree\n',
  'sub/Gone.md': 'to be deleted\n',
  'sub/Moved.md': 'to be moved away\n',
}

interface Scenario {
  readonly title: string
  /** The device that is killed; `run` makes it work. */
  readonly prepare: () => Promise<{
    devices: TestDevices
    victim: TestDevice
    other: TestDevice
    run: () => Promise<void>
    expected: Record<string, string>
  }>
}

const twentyNew = someNotes(20, 'twenty/')

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'the first snapshot',
    prepare: async () => {
      const devices = new TestDevices([{}, {}])
      const [victim, other] = devices.all as [TestDevice, TestDevice]
      const expected = { ...NOTES, ...someNotes(5) }
      victim.write(expected)
      await devices.start(other)
      return { devices, victim, other, expected, run: () => start(devices, victim) }
    },
  },
  {
    title: 'an edit',
    prepare: async () => {
      const { devices, a: victim, b: other } = await twoDevicesWith(NOTES)
      const expected = {
        'Keep.md': 'kept\n',
        'Note.md': 'one, edited\n\ntwo\n\nthree\n',
        'Moved.md': 'to be moved away\n',
        'New.md': 'new\n',
      }
      return {
        devices,
        victim,
        other,
        expected,
        run: async () => {
          victim.write({ 'Note.md': expected['Note.md'], 'New.md': 'new\n' })
          victim.disk.userDelete('sub/Gone.md')
          victim.disk.userRename('sub/Moved.md', 'Moved.md')
          await devices.pass(3_000)
        },
      }
    },
  },
  {
    title: 'a checkout of 20 files, with an edit of its own to merge',
    prepare: async () => {
      const { devices, a: other, b: victim } = await twoDevicesWith(NOTES)
      other.write({ ...twentyNew, 'Note.md': 'one of A\n\ntwo\n\nthree\n' })
      other.disk.userDelete('sub/Gone.md')
      other.disk.userRename('sub/Moved.md', 'Moved.md')
      const expected = {
        ...twentyNew,
        'Keep.md': 'kept\n',
        'Note.md': 'one of A\n\ntwo\n\nthree of B\n',
        'Moved.md': 'to be moved away\n',
      }
      return {
        devices,
        victim,
        other,
        expected,
        run: async () => {
          victim.write({ 'Note.md': 'one\n\ntwo\n\nthree of B\n' })
          await devices.pass(5_000)
        },
      }
    },
  },
  {
    title: 'edits of what a checkout brought before the disk was full',
    prepare: async () => {
      let full = false
      const beforeReplace = (path: string): void => {
        if (full && path.startsWith('twenty/')) throw new VaultError('disk-full', 'no room', { path })
      }
      const {
        devices,
        a: other,
        b: victim,
      } = await twoDevicesWith({ 'Keep.md': 'kept\n', 'Note.md': 'one\n' }, {}, { files: { beforeReplace } })
      full = true
      other.write({ 'Brought.md': 'brought\n', 'Note.md': NOTES['Note.md'], ...twentyNew })
      await devices.pass(2_000)
      const expected = { 'Keep.md': 'kept\n', 'Mine.md': 'mine\n', 'Note.md': 'one\n\nthree\n', ...twentyNew }
      return {
        devices,
        victim,
        other,
        expected,
        run: async () => {
          victim.write({ 'Mine.md': 'mine\n', 'Note.md': expected['Note.md'] })
          victim.disk.userDelete('Brought.md')
          await devices.pass(2_000)
          full = false
          await devices.pass(6_000)
        },
      }
    },
  },
  {
    title: 'a first fetch',
    prepare: async () => {
      const devices = new TestDevices([{}, {}])
      const [other, victim] = devices.all as [TestDevice, TestDevice]
      const expected = { ...NOTES, ...someNotes(10), 'large.bin': 'x'.repeat(4 * 1024 * 1024 + 1) }
      other.write(expected)
      await devices.start(other)
      other.write({ 'Note.md': 'one\n\ntwo\n\nthree and a second commit\n' })
      await devices.pass(3_000)
      return {
        devices,
        victim,
        other,
        expected: { ...expected, 'Note.md': 'one\n\ntwo\n\nthree and a second commit\n' },
        run: () => start(devices, victim),
      }
    },
  },
]

/** Starts a device that may die while it starts. */
async function start(devices: TestDevices, device: TestDevice): Promise<void> {
  device.start().catch(() => undefined)
  await devices.pass(8_000)
}

async function operationsOf(scenario: Scenario): Promise<string[]> {
  const { devices, victim, run, expected } = await scenario.prepare()
  const operations: string[] = []
  victim.onOperation = (operation) => void operations.push(operation)
  await run()
  victim.onOperation = () => undefined
  await devices.agree()
  expect(victim.vault()).toEqual(expected)
  return operations
}

async function killAt(scenario: Scenario, count: number): Promise<void> {
  const { devices, victim, other, run, expected } = await scenario.prepare()
  let left = count
  victim.onOperation = () => {
    if (--left === 0) victim.crash()
  }
  await run()
  expect(left).toBeLessThanOrEqual(0)
  expect(victim.engine).toBeNull()
  victim.onOperation = () => undefined
  await recover(devices, victim, other, expected)
}

async function recover(
  devices: TestDevices,
  victim: TestDevice,
  other: TestDevice,
  expected: Record<string, string>,
): Promise<void> {
  victim.history() // [T2] throws when a ref names what is not there
  other.history()
  victim.crash()
  await devices.start(victim)
  await devices.agree()
  expect(victim.vault()).toEqual(expected)
  const known = victim.history()
  for (const text of Object.values(expected)) expect(known.has(text)).toBe(true)
  expect([...victim.disk.files().keys()].filter((path) => path.includes('.tandem-'))).toEqual([])
  expect(victim.log.filter((record) => record.level === 'error')).toEqual([])
  await devices.stop()
}

describe('a device that is killed anywhere goes on at the next start, and nothing is lost', () => {
  for (const scenario of SCENARIOS) {
    it(`during ${scenario.title}, at the operations of its stores`, { timeout: 120_000 }, async () => {
      const operations = await operationsOf(scenario)
      expect(operations.length).toBeGreaterThan(20)
      for (let count = 1; count <= operations.length; count++) {
        // What writes is always a place to die; of what only reads, some.
        if (!/commit|compareAndSwap|save|finish|writePack/.test(operations[count - 1]!) && count % STRIDE) continue
        try {
          await killAt(scenario, count)
        } catch (error) {
          throw new Error(`killed at operation ${count}, ${operations[count - 1]}: ${(error as Error).message}`, {
            cause: error,
          })
        }
      }
    })
  }

  for (const point of ['before-replace', 'after-replace'] as const) {
    it(`during a checkout, ${point === 'before-replace' ? 'just before' : 'just after'} a file takes its place`, async () => {
      for (let skip = 0; skip < 25; skip += 3) {
        const scenario = SCENARIOS[2]!
        const { devices, victim, other, run, expected } = await scenario.prepare()
        let left = skip
        victim.onOperation = (operation) => {
          // Contents are read one by one for the steps: an even measure of how far the checkout is.
          if (operation === 'objects.read' && left-- === 0) victim.disk.powerCutAt(point)
        }
        await run()
        expect(left).toBeLessThan(0)
        victim.onOperation = () => undefined
        await recover(devices, victim, other, expected)
      }
    })
  }
})
