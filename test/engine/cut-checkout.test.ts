import { describe, expect, it } from 'vitest'
import { StoreError } from '../../src/ports/errors.ts'
import { twoDevices, type TestDevices } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

type Fault = 'the index cannot be saved' | 'the device is killed'
const FAULTS: readonly Fault[] = ['the index cannot be saved', 'the device is killed']
const KEPT = { 'Keep.md': 'kept\n' }

interface Story {
  readonly before?: Readonly<Record<string, string>>
  /** What each person does while apart. */
  readonly a: (device: TestDevice) => void
  readonly b: (device: TestDevice) => void
  /** The device whose checkout of the two is cut, and what its person does before anybody looks at the disk again. */
  readonly victim: 'a' | 'b'
  readonly edit: (device: TestDevice) => void
}

/** A checkout writes its files, its rows of the index are not saved, and a person edits before the next look at the disk. */
async function tell(story: Story, fault: Fault): Promise<{ devices: TestDevices; a: TestDevice; b: TestDevice }> {
  let written = (_: TestDevice): void => undefined
  let running = false
  const watched = (device: () => TestDevice) => ({
    files: { beforeReplace: () => void (running && written(device())) },
  })
  const two: ReturnType<typeof twoDevices> = twoDevices(
    watched(() => two.a),
    watched(() => two.b),
  )
  const { devices, a, b } = two
  const victim = two[story.victim]
  a.write({ ...KEPT, ...story.before })
  await devices.start()
  await devices.agree()
  devices.network.partition(a.id, b.id)
  story.a(a)
  story.b(b)
  await devices.pass(5_000)
  let cut = false
  written = (device) => void (cut ||= device === victim)
  running = true
  let done = false
  victim.onOperation = (operation) => {
    if (!cut || done || operation !== 'index.save') return
    done = true
    running = false
    if (fault === 'the device is killed') victim.crash()
    story.edit(victim)
    if (fault === 'the index cannot be saved') throw new StoreError('disk-full', 'no room', {})
  }
  devices.network.heal(a.id, b.id)
  await devices.pass(60_000)
  expect(done).toBe(true)
  if (fault === 'the device is killed') await devices.start(victim)
  await devices.agree()
  return two
}

function shown(device: TestDevice): string {
  return Object.values(device.vault()).join('\n')
}

for (const fault of FAULTS) {
  describe(`[V6] ${fault} after a checkout put another's note in the place of their own, and a person edits that`, () => {
    const both: Omit<Story, 'edit'> = {
      a: (a) => a.write({ 'Note.md': 'A one\nA two\nA three\n' }),
      b: (b) => b.write({ 'Note.md': 'B one\nB two\nB three\n' }),
      victim: 'b',
    }
    const ofA = (device: TestDevice): string => {
      expect(device.read('Note.md')).toContain('A one')
      return device.read('Note.md')!
    }

    it('with a line more: both notes stay, with the line in the one that was edited', async () => {
      const { devices, a } = await tell({ ...both, edit: (b) => b.write({ 'Note.md': `${ofA(b)}edited\n` }) }, fault)
      expect(a.read('Note.md')).toBe('A one\nA two\nA three\nedited\n')
      expect(Object.values(a.vault()).sort()).toEqual([a.read('Note.md'), 'B one\nB two\nB three\n', 'kept\n'])
      await devices.stop()
    })

    const unclear: [string, (text: string) => string][] = [
      ['writing it anew', () => 'quite other text\n'],
      ['taking out a part of it', (text) => text.replace('A three', 'quite other text')],
    ]
    it.each(unclear)('by %s: both notes stay, and so does the new text', async (_, change) => {
      const { devices, a } = await tell({ ...both, edit: (b) => b.write({ 'Note.md': change(ofA(b)) }) }, fault)
      for (const line of ['A one', 'A two', 'A three', 'B one', 'B three', 'quite other text'])
        expect(shown(a)).toContain(line)
      expect(Object.keys(a.vault())).toHaveLength(4)
      await devices.stop()
    })

    it('by deleting it: their own note stays', async () => {
      const { devices, a } = await tell({ ...both, edit: (b) => void (ofA(b), b.disk.userDelete('Note.md')) }, fault)
      for (const line of ['A one', 'A three', 'B one', 'B three']) expect(shown(a)).toContain(line)
      await devices.stop()
    })

    it('and it is no text: all three stay', async () => {
      const write = (bytes: string) => (device: TestDevice) => device.write({ 'image.bin': bytes })
      const { devices, a } = await tell({ a: write('A\0A'), b: write('B\0B'), victim: 'b', edit: write('C\0C') }, fault)
      for (const bytes of ['A\0A', 'B\0B', 'C\0C']) expect(Object.values(a.vault())).toContain(bytes)
      await devices.stop()
    })
  })

  for (const victim of ['a', 'b'] as const) {
    describe(`${fault} after a checkout wrote its files on ${victim.toUpperCase()}, and then a person edits`, () => {
      it('[V4] the merged note, taking out what was there before: it stays out, and the rest stays', async () => {
        const { devices, a } = await tell(
          {
            before: { 'Note.md': 'one\n\ntwo\n\nthree\n' },
            a: (device) => device.write({ 'Note.md': 'one\n\nof A\n\ntwo\n\nthree\n' }),
            b: (device) => device.write({ 'Note.md': 'one\n\ntwo\n\nof B\n\nthree\n' }),
            victim,
            edit: (device) => device.write({ 'Note.md': `${device.read('Note.md')!.replace('one\n\n', '')}edited\n` }),
          },
          fault,
        )
        expect(a.vault()).toEqual({ ...KEPT, 'Note.md': 'of A\n\ntwo\n\nof B\n\nthree\nedited\n' })
        await devices.stop()
      })

      it('[V6] a note under the name from which another was just moved away: both are there', async () => {
        const move = (device: TestDevice) => device.disk.userRename('Note.md', 'Moved.md')
        const none = () => undefined
        const { devices, a } = await tell(
          {
            before: { 'Note.md': 'one\ntwo\nthree\nfour\n' },
            a: victim === 'a' ? none : move,
            b: victim === 'b' ? none : move,
            victim,
            edit: (device) => device.write({ 'Note.md': 'a new note\n' }),
          },
          fault,
        )
        expect(a.vault()).toEqual({ ...KEPT, 'Moved.md': 'one\ntwo\nthree\nfour\n', 'Note.md': 'a new note\n' })
        await devices.stop()
      })
    })
  }
}
