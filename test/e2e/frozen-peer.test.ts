import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { PeerStatusLine } from '../../src/cli/status.ts'
import { aTestFolder, type PeerFolders, twoDevices, untilInStep } from '../support/peer-folders.ts'
import { awaitThat, killLeftovers } from '../support/tandem-process.ts'

/** The shortest there is, so that the test is short; the default by TANDEM_E2E_HEARTBEAT_MS=5000. */
const HEARTBEAT_MS = Number(process.env.TANDEM_E2E_HEARTBEAT_MS ?? 2_000)
/** A busy machine may look at its clock late. */
const SLACK_MS = 30_000

const folder = aTestFolder()
let ada: PeerFolders
let bob: PeerFolders

beforeAll(async () => {
  ;[ada, bob] = await twoDevices(folder.path)
  for (const device of [ada, bob]) await device.must('config', 'heartbeatMs', String(HEARTBEAT_MS))
  ada.write('Plan.md', 'as it was\n')
  for (const device of [ada, bob]) await device.start()
  await untilInStep([ada, bob], (files) => files.size === 1)
}, 120_000)
afterEach(() => killLeftovers())
afterAll(() => folder.dispose())

it('[L6] a peer whose process is frozen is unhealthy, then replaced; when it wakes both have the edits of both', async () => {
  const frozenAt = performance.now()
  const peer = async (): Promise<PeerStatusLine> => (await ada.status()).peers[0]!
  const until = async (what: string, isSo: (peer: PeerStatusLine) => boolean, withinMs: number): Promise<number> => {
    await awaitThat(async () => isSo(await peer()), what, withinMs + SLACK_MS)
    return performance.now() - frozenAt
  }
  bob.freeze()
  const unhealthyMs = await until('it is unhealthy', ({ health }) => health === 'unhealthy', 3 * HEARTBEAT_MS)
  expect((await peer()).status).toBe('connected') // not given up yet
  ada.write('Plan.md', 'as it was\nand more, by ada\n')
  bob.write('Ideas.md', 'by bob, whose program does not see it\n')
  const replacedMs = await until('it is given up', ({ status }) => status !== 'connected', 6 * HEARTBEAT_MS)
  expect(await peer()).toMatchObject({
    status: expect.stringMatching(/^(dis)?connect(ed|ing)$/) as string,
    current: false,
    lastError: { message: expect.stringMatching(/^nothing heard for \d+ s$/) as string },
    metrics: { files: { ahead: 1, behind: 0 }, reconnects: 1 },
  })
  const wokenAt = performance.now()
  bob.thaw()
  await untilInStep(
    [ada, bob],
    (files) =>
      files.get('Plan.md')?.toString() === 'as it was\nand more, by ada\n' &&
      files.get('Ideas.md')?.toString() === 'by bob, whose program does not see it\n' &&
      files.size === 2,
  )
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  if (process.env.TANDEM_E2E_HEARTBEAT_MS)
    console.log(
      `heartbeat ${seconds(HEARTBEAT_MS)}: unhealthy after ${seconds(unhealthyMs)}, replaced after ${seconds(replacedMs)}, in step ${seconds(performance.now() - wokenAt)} after waking`,
    )
  const events = ada.up!.events.filter(({ event }) => event === 'log').map(({ kind }) => kind)
  for (const kind of ['link.unhealthy', 'link.down', 'link.up']) expect(events).toContain(kind)
  for (const device of [ada, bob]) await device.stop()
}, 240_000)
