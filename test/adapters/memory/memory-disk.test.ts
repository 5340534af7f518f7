import { describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { MemoryVaultFiles } from '../../../src/adapters/memory/memory-vault-files.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import type { WatchEvent } from '../../../src/ports/vault-files.ts'
import { at, bytesOf, deleting, textOf, writing } from '../../contracts/vault-files.harness.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const aVault = (options: Partial<ConstructorParameters<typeof MemoryDisk>[0]> = {}) => {
  const clock = new VirtualClock()
  const disk = new MemoryDisk({ clock, ...options })
  const open = (): MemoryVaultFiles => new MemoryVaultFiles({ disk, codec: nodeCodec })
  return { clock, disk, open, vault: open() }
}

/** Whether a promise settles when nothing but time passes. */
async function settles(clock: VirtualClock, work: Promise<unknown>): Promise<boolean> {
  let settled = false
  const note = (): void => void (settled = true)
  work.then(note, note)
  await clock.advance(60_000)
  return settled
}

describe('a power cut', () => {
  it('before the replacement leaves the old content, and a temporary file that the next start removes', async () => {
    const { clock, disk, open, vault } = aVault()
    disk.userWrite('note.md', 'old')
    disk.powerCutAt('before-replace')
    expect(await settles(clock, vault.apply(writing('note.md', 'new', 'old'), bytesOf('new')))).toBe(false)
    expect(textOf(disk.files().get('note.md'))).toBe('old')
    expect(disk.files().size).toBe(2)
    expect((await open().scan()).files.map(({ path }) => path)).toEqual(['note.md'])
    expect([...disk.files().keys()]).toEqual(['note.md'])
  })

  it('after the replacement leaves the new content', async () => {
    const { clock, disk, open, vault } = aVault()
    disk.powerCutAt('after-replace')
    expect(await settles(clock, vault.apply(writing('note.md', 'new', null), bytesOf('new')))).toBe(false)
    expect(textOf((await open().read(at('note.md'))).content)).toBe('new')
  })

  it('stops the old process for good: no call of it ends, and nothing it began changes the disk', async () => {
    const { clock, disk, open, vault } = aVault({ latencyMs: 10 })
    disk.userWrite('note.md', 'old')
    const events: WatchEvent[] = []
    await vault.watch((event) => events.push(event))
    const begun = [vault.apply(deleting('note.md', 'old')), vault.apply(writing('b.md', 'x', null), bytesOf('x'))]
    disk.powerCut()
    expect(await settles(clock, Promise.race([...begun, vault.scan(), vault.stat(at('note.md'))]))).toBe(false)
    expect([...disk.files().keys()]).toEqual(['note.md'])
    disk.userWrite('c.md', 'x')
    await clock.advance(1000)
    expect(events).toEqual([])
    expect(await settles(clock, open().scan())).toBe(true)
  })
})

describe('watch events of the fake disk', () => {
  it('come later, together, and once per path', async () => {
    const { clock, disk, vault } = aVault({ watchDelayMs: 80 })
    const events: WatchEvent[] = []
    await vault.watch((event) => events.push(event))
    disk.userWrite('a.md', '1')
    disk.userWrite('a.md', '2')
    disk.userRename('a.md', 'b.md')
    await clock.advance(79)
    expect(events).toEqual([])
    await clock.advance(1)
    expect(events).toEqual([{ kind: 'paths', paths: ['a.md', 'b.md'] }])
  })

  it('turn into one wish for a scan when they were lost', async () => {
    const { clock, disk, vault } = aVault()
    const events: WatchEvent[] = []
    await vault.watch((event) => events.push(event))
    disk.userWrite('a.md', '1')
    disk.loseEvents()
    disk.userWrite('b.md', '1')
    await clock.advance(1000)
    expect(events).toEqual([{ kind: 'rescan' }])
    disk.userWrite('c.md', '1')
    await clock.advance(1000)
    expect(events[1]).toEqual({ kind: 'paths', paths: ['c.md'] })
  })
})

describe('faults of the fake disk', () => {
  it('come when wished for, once', async () => {
    const { disk, vault } = aVault()
    disk.userWrite('a.md', 'x')
    disk.failNext('read')
    disk.failNext('read', new Error('my own'))
    await expect(vault.read(at('a.md'))).rejects.toMatchObject({ code: 'unreadable' })
    await expect(vault.read(at('a.md'))).rejects.toThrow('my own')
    expect(textOf((await vault.read(at('a.md'))).content)).toBe('x')
    disk.failNext('scan')
    expect((await vault.scan()).errors).toHaveLength(1)
    expect((await vault.scan()).errors).toEqual([])
  })

  it('come at random by a seed, and never harm a file', async () => {
    const run = async (seed: number): Promise<string[]> => {
      const { clock, disk, vault } = aVault({ random: seededRandom(seed).fraction, latencyMs: 20 })
      disk.faultRate = 0.3
      const log: string[] = []
      const work = async (): Promise<void> => {
        for (let i = 0; i < 60; i++) {
          const before = textOf(disk.files().get('note.md')) ?? null
          const step = i % 7 === 6 && before !== null ? deleting('note.md', before) : writing('note.md', `${i}`, before)
          const content = step.kind === 'write' ? bytesOf(`${i}`) : undefined
          const said = await vault.apply(step, content).then(
            ({ result }) => result,
            ({ code }: { code: string }) => code,
          )
          const after = textOf(disk.files().get('note.md')) ?? null
          if (said !== 'applied') expect(after).toBe(before)
          else expect(after).toBe(step.kind === 'write' ? `${i}` : null)
          log.push(`${clock.now()} ${said}`)
        }
      }
      const done = work()
      await clock.runUntilIdle(60_000)
      await done
      return log
    }
    const log = await run(1)
    expect(new Set(log.map((line) => line.split(' ')[1]))).toEqual(new Set(['applied', 'unwritable', 'trash-failed']))
    expect(await run(1)).toEqual(log)
    expect(await run(2)).not.toEqual(log)
  })
})

describe('times of the fake disk', () => {
  it('are the clock’s, cut to its granularity; a rewrite keeps the inode', async () => {
    const { clock, disk, vault } = aVault({ mtimeGranularityMs: 2000 })
    disk.userWrite('a.md', 'x')
    const first = (await vault.stat(at('a.md')))!
    expect(first.mtimeMs).toBe(Math.floor(clock.now() / 2000) * 2000)
    await clock.advance(1999)
    disk.userWrite('a.md', 'y')
    expect(await vault.stat(at('a.md'))).toEqual(first)
    await clock.advance(1)
    disk.userWrite('a.md', 'z')
    expect(await vault.stat(at('a.md'))).toEqual({
      ...first,
      mtimeMs: first.mtimeMs + 2000,
      ctimeMs: first.ctimeMs + 2000,
    })
  })
})

describe('names on the fake disk', () => {
  it('a change in case alone is a rename also where case is folded', () => {
    const { disk } = aVault({ caseFolding: true })
    disk.userWrite('Folder/note.md', 'x')
    disk.userWrite('folder/NOTE.md', 'y')
    expect([...disk.files().keys()]).toEqual(['Folder/note.md'])
    disk.userRename('Folder/note.md', 'Folder/Note.md')
    expect([...disk.files().keys()]).toEqual(['Folder/Note.md'])
  })
})
