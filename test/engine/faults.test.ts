import { describe, expect, it } from 'vitest'
import { StoreError, VaultError } from '../../src/ports/errors.ts'
import { twoDevicesWith } from '../support/devices.ts'
import { seededRandom } from '../support/seeded-random.ts'

/** A longer run: TANDEM_FAULT_SEEDS=300, or one seed: TANDEM_FAULT_SEED=38. */
const ONE = Number(process.env.TANDEM_FAULT_SEED ?? 0)
const SEEDS = ONE ? [ONE] : Array.from({ length: Number(process.env.TANDEM_FAULT_SEEDS ?? 40) }, (_, i) => i + 1)
const BATCH = 10
const NOTES = ['A.md', 'B.md', 'sub/C.md', 'sub/D.md']
/** Made by whoever comes first, or by both: then one of the two notes gives way. */
const NEW_NOTES = Array.from({ length: 6 }, (_, i) => `new/${i}.md`)

describe('[V6] two people type while files cannot be written, the index cannot be saved, and their devices are killed', () => {
  for (let at = 0; at < SEEDS.length; at += BATCH) {
    const seeds = SEEDS.slice(at, at + BATCH)
    it(`and nothing is lost, seeds ${seeds[0]} to ${seeds.at(-1)}`, { timeout: 120_000 }, async () => {
      for (const seed of seeds) await typeOverFaults(seed)
    })
  }
})

/** Each seed has its own mix of faults; each line that is typed is told apart from every other. */
async function typeOverFaults(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const int = (n: number): number => Math.floor(random.fraction() * n)
  const mix = { unwritable: seed % 2 === 0, full: seed % 3 === 0, index: seed % 5 !== 0, kill: seed % 7 !== 0 }
  let faulty = false
  const files = {
    beforeReplace: (path: string): void => {
      const dice = faulty ? int(10) : 10
      if (dice < 2 && mix.full) throw new VaultError('disk-full', 'no room', { path })
      if (dice < 4 && mix.unwritable) throw new VaultError('unwritable', 'not now', { path })
    },
  }
  const before = Object.fromEntries(NOTES.map((name) => [name, `${name} 1\n\n${name} 2\n\n${name} 3\n`]))
  const { devices, a, b } = await twoDevicesWith(before, { files }, { files })
  for (const device of [a, b]) {
    device.onOperation = (operation) => {
      if (!faulty) return
      const saves = operation === 'index.save' || operation === 'objects.commit'
      const fails = mix.index && saves && int(8) === 0
      const dies = mix.kill && operation.startsWith('index.save') && int(30) === 0
      if (dies) device.crash()
      // Just now: before anybody looks at the disk again.
      if (fails || dies) for (let edits = int(5); edits > 0; edits--) type(device)
      if (fails) throw new StoreError('disk-full', 'no room for it', {})
    }
  }
  const typed = new Set<string>()
  const type = (device: (typeof devices.all)[number]): void => {
    const names = int(2) ? NOTES : NEW_NOTES
    const path = names[int(names.length)]!
    const lines = (device.read(path) ?? '').split('\n')
    const mine = lines.findIndex((line) => line.includes('<'))
    if (int(3) === 0 && mine >= 0) {
      typed.delete(lines[mine]!)
      lines.splice(mine, 1)
    } else {
      const text = `${device.name}<${seed}.${typed.size}.${int(1e9)}>`
      typed.add(text)
      lines.splice(int(lines.length), 0, text)
    }
    device.write({ [path]: lines.join('\n') })
  }
  faulty = true
  for (let step = 0; step < 40; step++) {
    const device = int(2) ? a : b
    if (!device.engine) {
      device.start().catch(() => undefined) // it may be killed while it starts
      await devices.pass(2_000)
    }
    for (let edits = int(4); edits >= 0; edits--) type(device)
    await devices.pass([0, 100, 400, 900, 3_000][int(5)]!)
  }
  faulty = false
  await devices.pass(5_000)
  for (const device of [a, b]) if (!device.engine) await devices.start(device)
  await devices.agree().catch((error: Error) => {
    throw new Error(`seed ${seed}: ${error.message}`)
  })
  const shown = Object.values(a.vault()).join('\n')
  expect(
    [...typed].filter((text) => !shown.includes(text)),
    `seed ${seed}`,
  ).toEqual([])
  await devices.stop()
}
