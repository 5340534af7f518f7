import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeviceMetrics } from '../../src/engine/metrics.ts'
import { aTestFolder, expectSoundHistory, pairRunning, PeerFolders, untilInStep } from '../support/peer-folders.ts'
import { awaitThat, killLeftovers } from '../support/tandem-process.ts'

const TEST_MS = 240_000
const folder = aTestFolder()
const [ada, bob, cy, dan, eve] = ['ada', 'bob', 'cy', 'dan', 'eve'].map(
  (name) => new PeerFolders(folder.path, name),
) as [PeerFolders, PeerFolders, PeerFolders, PeerFolders, PeerFolders]
const all = [ada, bob, cy, dan, eve]
let edits = 0

beforeAll(async () => {
  await Promise.all(all.map((device) => device.init()))
  await Promise.all(all.map((device) => device.start()))
}, TEST_MS)
afterAll(async () => {
  await killLeftovers()
  folder.dispose()
})

/** A new note on one device, until every one of the others has it. */
async function reaches(from: PeerFolders, others: readonly PeerFolders[]): Promise<void> {
  const path = `${from.name}/Note ${edits++}.md`
  const text = `written by ${from.name}\n`
  from.write(path, text)
  const lacking = (): PeerFolders[] => others.filter((device) => device.files().get(path)?.toString() !== text)
  await awaitThat(
    () => lacking().length === 0,
    () =>
      `${path} reaches ${lacking()
        .map(({ name }) => name)
        .join()}`,
  )
}

async function eachReaches(devices: readonly PeerFolders[]): Promise<void> {
  for (const from of devices)
    await reaches(
      from,
      devices.filter((device) => device !== from),
    )
}

/** All edit the same note at once; all come to show the same, with every line. */
async function agreeOn(devices: readonly PeerFolders[]): Promise<void> {
  const path = `shared/Note ${edits++}.md`
  for (const { name } of devices) devices.find((device) => device.name === name)!.write(path, `only by ${name}\n`)
  await untilInStep(devices, (files) => {
    const texts = [...files].filter(([name]) => name.startsWith(path.slice(0, -3))).map(([, text]) => text.toString())
    return devices.every(({ name }) => texts.some((text) => text.includes(`only by ${name}\n`)))
  })
}

describe.sequential('[V2] five devices as processes of their own', () => {
  it(
    'in a chain: an edit goes through the one in between, both ways',
    async () => {
      await pairRunning(ada, bob)
      await pairRunning(bob, cy)
      await eachReaches([ada, bob, cy])
      await agreeOn([ada, bob, cy])
      expect((await ada.status()).peers.map(({ name }) => name)).toEqual(['bob']) // it never met cy
    },
    TEST_MS,
  )

  it(
    'in a star: an edit on any reaches all',
    async () => {
      await Promise.all([pairRunning(bob, dan), pairRunning(bob, eve)])
      await eachReaches(all)
      await agreeOn(all)
    },
    TEST_MS,
  )

  it(
    'in a star with a frozen leaf: the others are as quick as ever, and it has all when it wakes',
    async () => {
      eve.freeze()
      await eachReaches([ada, bob, cy, dan])
      eve.thaw()
      await untilInStep(all)
    },
    TEST_MS,
  )

  it(
    'in a star whose middle is killed: what was written meanwhile arrives when it is back',
    async () => {
      await bob.kill()
      for (const device of all) device.write(`${device.name}/Meanwhile.md`, `by ${device.name}\n`)
      await bob.start()
      await untilInStep(all, (files) => all.every(({ name }) => files.has(`${name}/Meanwhile.md`)))
    },
    TEST_MS,
  )

  it(
    'in a star whose middle was removed by one: that one is alone, until it pairs with another',
    async () => {
      await ada.must('remove', 'bob')
      expect((await ada.status()).peers).toEqual([])
      ada.write('ada/Alone.md', 'nobody sees this yet\n')
      await eachReaches([bob, cy, dan, eve])
      expect(cy.files().has('ada/Alone.md')).toBe(false)
      expect(ada.files().has(`eve/Note ${edits - 1}.md`)).toBe(false)
      await pairRunning(ada, cy)
      await awaitThat(() => eve.files().has('ada/Alone.md'), 'ada reaches eve through cy and bob')
      await eachReaches(all)
    },
    TEST_MS,
  )

  it(
    'in a full mesh: an edit on any reaches all, also while one is frozen and another one dead',
    async () => {
      await pairRunning(ada, bob)
      for (const [left, right] of [
        [ada, dan],
        [ada, eve],
        [cy, dan],
        [cy, eve],
        [dan, eve],
      ] as const)
        await pairRunning(left, right)
      await untilInStep(all)
      for (const device of all) expect((await device.status()).peers).toHaveLength(4)
      await eachReaches(all)
      await agreeOn(all)
      eve.freeze()
      await bob.kill()
      await eachReaches([ada, cy, dan])
      eve.thaw()
      await bob.start()
      await untilInStep(all)
    },
    TEST_MS,
  )

  it(
    '[L10] know in numbers what went where, and end in order with sound histories',
    async () => {
      const { lines, stdout } = await ada.must('metrics', '--json')
      expect(stdout.trim().split('\n')).toHaveLength(1)
      expect(lines[0]).toMatchObject({ running: true, total: { peers: 4, connected: 4, queueDepth: 0, drops: 0 } })
      const { total } = lines[0] as unknown as DeviceMetrics
      expect(total.bytesSent).toBeGreaterThan(10_000)
      expect(total.wireBytesSent).toBeGreaterThan(total.bytesSent)
      const { stdout: words } = await ada.must('metrics')
      expect(words).toMatch(/^Device +State +Path +Round trip +Ahead +Behind +In step\n/)
      expect(words).toMatch(/^cy +connected for .+ 0 +0 +just now$/m)
      expect(words).toMatch(/^Device +Sent +Received +Messages out +in +Waiting +Dropped +Reconnects\n/m)
      expect(words).toMatch(/^All +\d/m)
      for (const device of all) await device.stop()
      const resting = await ada.must('metrics', '--json')
      expect(resting.lines[0]).toMatchObject({ running: false, total: { peers: 4, connected: 0 } })
      expect((await ada.must('metrics')).stdout).toMatch(/^Not running, so nothing is counted/)
      for (const device of all) expectSoundHistory(device)
    },
    TEST_MS,
  )
})
