import { afterEach, describe, expect, it, vi } from 'vitest'
import { SubfolderVaultFiles } from '../../src/engine/subfolder-vault-files.ts'
import type { ScanResult, WatchEvent } from '../../src/ports/vault-files.ts'
import { makeMemoryHarness, type MemoryHarness } from '../adapters/memory/memory-vault-harness.ts'
import { vaultFilesContract } from '../contracts/vault-files.contract.ts'
import { at, writing, type VaultHarness } from '../contracts/vault-files.harness.ts'

const FOLDER = 'Shared/Plan'
const inside = (path: string) => `${FOLDER}/${path}`
const seen = (paths: readonly string[]) =>
  paths.filter((path) => path.startsWith(`${FOLDER}/`)).map((path) => path.slice(FOLDER.length + 1))

/** The contract's disk, with the view of a folder in place of the vault. */
async function makeSubfolderHarness(...options: Parameters<typeof makeMemoryHarness>): Promise<VaultHarness> {
  const whole = await makeMemoryHarness(...options)
  whole.mkdir(FOLDER)
  const view = () => new SubfolderVaultFiles(whole.vault, at(FOLDER))
  const harness: VaultHarness = {
    ...whole,
    vault: view(),
    reopen: async () => {
      await harness.vault.close()
      await whole.reopen()
      return (harness.vault = view())
    },
    write: (path, content) => whole.write(inside(path), content),
    remove: (path) => whole.remove(inside(path)),
    rename: (from, to) => whole.rename(inside(from), inside(to)),
    mkdir: (path) => whole.mkdir(inside(path)),
    link: (path) => whole.link(inside(path)),
    bytes: (path) => whole.bytes(inside(path)),
    listing: () => seen(whole.listing()),
    folders: () => seen(whole.folders()),
    trash: () => new Map([...whole.trash()].map(([path, content]) => [seen([path])[0] ?? path, content])),
    duringRead: (path, then) => whole.duringRead(inside(path), then),
    lock: (path) => whole.lock(inside(path)),
  }
  return harness
}

vaultFilesContract('a folder of a vault', makeSubfolderHarness, { hiddenFiles: true, configFolder: true })

describe('[V1] a folder of a vault', () => {
  let whole: MemoryHarness
  afterEach(() => whole.dispose())

  const open = async (): Promise<SubfolderVaultFiles> => {
    whole = await makeMemoryHarness()
    return new SubfolderVaultFiles(whole.vault, at(FOLDER))
  }
  const found = ({ files, errors }: ScanResult) => [files.map(({ path }) => path), errors.map(({ path }) => path)]

  it('sees what lies below it, and no other name', async () => {
    const folder = await open()
    for (const path of [
      'a.md',
      'Shared/b.md',
      'Shared/Plan.md',
      'Shared/Plan 2/c.md',
      inside('d.md'),
      inside('e/f.md'),
    ])
      whole.write(path, path)
    expect(found(await folder.scan())).toEqual([['d.md', 'e/f.md'], []])
    expect(await folder.stat(at('d.md'))).toMatchObject({ path: 'd.md' })
    expect(await folder.stat(at('b.md'))).toBeUndefined()
  })

  it('is empty and without fault before it is made, and is made by the first write', async () => {
    const folder = await open()
    expect(found(await folder.scan())).toEqual([[], []])
    expect(await folder.apply(writing('deep/note.md', 'x', null), new TextEncoder().encode('x'))).toMatchObject({
      result: 'applied',
      stat: { path: 'deep/note.md' },
    })
    expect(whole.listing()).toEqual(['Shared/Plan/deep/note.md'])
  })

  it('[E2] that cannot be told is an error of its root: a link, a file in its place, a vault that is gone', async () => {
    for (const spoil of [
      () => whole.link(FOLDER),
      () => whole.write(FOLDER, 'a file'),
      () => whole.unplug(),
      () => whole.lock(FOLDER),
    ]) {
      const folder = await open()
      whole.mkdir('Shared')
      if (spoil.toString().includes('lock')) whole.write(inside('note.md'), 'x')
      spoil()
      expect(found(await folder.scan()), spoil.toString()).toEqual([[], ['']])
    }
  })

  it('hears of its own files by their path, of itself as a rescan, and of nothing else', async () => {
    const folder = await open()
    whole.write(inside('note.md'), 'x')
    const events: WatchEvent[] = []
    const stop = await folder.watch((event) => events.push(event))
    const heard = () => events.flatMap((event): string[] => (event.kind === 'paths' ? [...event.paths] : [event.kind]))
    whole.write('Diary.md', 'x')
    whole.write(inside('.obsidian/plugins/bad/main.js'), 'x')
    whole.write(inside('note.md'), 'y')
    await vi.waitFor(() => expect([...new Set(heard())]).toEqual(['note.md']))
    whole.rename('Shared', 'Moved')
    await vi.waitFor(() => expect(heard()).toContain('rescan'))
    await stop()
    events.length = 0
    whole.write('Shared/x.md', 'z')
    await whole.vault.scan()
    expect(heard()).toEqual([])
  })

  it('[E8] neither shows nor takes hidden files: nobody else puts a plugin anywhere', async () => {
    const folder = await open()
    whole.write(inside('.obsidian/app.json'), 'x')
    whole.write(inside('a/.hidden/note.md'), 'x')
    whole.write(inside('note.md'), 'x')
    expect(found(await folder.scan())).toEqual([['note.md'], []])
    expect(await folder.stat(at('.obsidian/app.json'))).toBeUndefined()
    const step = writing('.obsidian/plugins/bad/main.js', 'x', null)
    expect(folder.inScope(step.path)).toBe(false)
    await expect(folder.apply(step, new Uint8Array(1))).rejects.toMatchObject({ code: 'bad-path' })
    await expect(folder.read(at('.obsidian/app.json'))).rejects.toMatchObject({ code: 'vanished' })
  })

  it('leaves the vault open when it is closed', async () => {
    const folder = await open()
    await folder.watch(() => undefined)
    await folder.close()
    whole.write('note.md', 'x')
    expect((await whole.vault.scan()).files).toHaveLength(1)
  })
})
