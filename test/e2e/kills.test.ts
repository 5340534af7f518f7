import { appendFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { aTestFolder, expectSoundHistory, twoDevices, untilInStep, type PeerFolders } from '../support/peer-folders.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { killLeftovers } from '../support/tandem-process.ts'

/** `kill -9` in a row; more of them by TANDEM_E2E_KILLS, other moments by TANDEM_E2E_SEED. */
const KILLS = Number(process.env.TANDEM_E2E_KILLS ?? 20)
const SEED = Number(process.env.TANDEM_E2E_SEED ?? 1)
/** A start takes about as long, so kills fall into starts, first looks, transfers and rest alike. */
const LONGEST_LIFE_MS = 900

const folder = aTestFolder()
afterEach(async () => {
  await killLeftovers()
  folder.dispose()
})

it(`[V6] ${KILLS} kills at any moment, with edits going on, lose nothing and damage nothing (seed ${SEED})`, async () => {
  const random = seededRandom(SEED)
  const pick = (count: number): number => Math.floor(random.fraction() * count)
  const devices = await twoDevices(folder.path)
  const written = new Set<string>()

  /** A line at the end of a note. Notes that both edit are edited where nothing runs: no write of ours can meet the editor's. */
  const append = (device: PeerFolders, path: string): void => {
    const file = join(device.vault, path)
    mkdirSync(dirname(file), { recursive: true })
    const line = `${device.name} wrote ${written.size}`
    written.add(line)
    appendFileSync(file, `${line}\n`)
  }
  const editOwn = (device: PeerFolders): void => append(device, `${device.name}/Note ${pick(30)}.md`)
  const editShared = (device: PeerFolders): void => append(device, `shared/Note ${pick(10)}.md`)

  for (const device of devices) for (let i = 0; i < 40; i++) editOwn(device)
  for (const device of devices) device.up = device.spawn('up', ['--json'])
  for (let kill = 0; kill < KILLS; kill++) {
    const victim = devices[pick(2)]!
    const until = performance.now() + pick(LONGEST_LIFE_MS)
    while (performance.now() < until) {
      for (const device of devices) for (let edit = pick(4); edit > 0; edit--) editOwn(device)
      await sleep(20 + pick(60))
    }
    await victim.kill()
    for (let edit = 1 + pick(3); edit > 0; edit--) editShared(victim)
    for (const device of devices) editOwn(device)
    victim.up = victim.spawn('up', ['--json'])
  }

  const missing = (files: ReadonlyMap<string, Buffer>): string[] => {
    const lines = new Set([...files.values()].flatMap((content) => content.toString().split('\n')))
    return [...written].filter((line) => !lines.has(line))
  }
  for (const device of devices) await device.up!.waitFor(({ event }) => event === 'up', 'it is up', 60_000)
  const files = await untilInStep(devices, () => true, 120_000)
  await sleep(1000) // what was written last has been noticed by now
  expect(missing(await untilInStep(devices, () => true, 60_000))).toEqual([])
  expect(files.size).toBeGreaterThanOrEqual(60)
  for (const device of devices) await device.stop()
  for (const device of devices) expectSoundHistory(device)
}, 300_000)
