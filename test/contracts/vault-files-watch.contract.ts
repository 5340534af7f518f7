import { afterEach, expect, it, vi } from 'vitest'
import type { WatchEvent } from '../../src/ports/vault-files.ts'
import type { MakeHarness, VaultHarness } from './vault-files.harness.ts'
import { bytesOf, writing } from './vault-files.harness.ts'

export function watchContract(make: MakeHarness): void {
  let disk: VaultHarness
  let stop: () => Promise<void>
  let seen: WatchEvent[]
  const paths = (): string[] => seen.flatMap((event) => (event.kind === 'paths' ? event.paths : []))
  const watched = async (): Promise<void> => {
    seen = []
    stop = await disk.vault.watch((event) => seen.push(event))
  }
  afterEach(async () => {
    await stop()
    await disk.dispose()
  })

  it('tells of files that a person made, changed, renamed and deleted', async () => {
    disk = await make()
    disk.write('old.md', 'x')
    disk.write('folder/changed.md', 'x')
    disk.write('gone.md', 'x')
    await watched()
    disk.write('folder/made.md', 'x')
    disk.write('folder/changed.md', 'longer')
    disk.rename('old.md', 'new.md')
    disk.remove('gone.md')
    const wanted = ['folder/changed.md', 'folder/made.md', 'gone.md', 'new.md', 'old.md']
    await vi.waitFor(() => expect(paths()).toEqual(expect.arrayContaining(wanted)), 5000)
  })

  it('tells of own writes too, and of nothing that is out of scope [E4]', async () => {
    disk = await make()
    await watched()
    disk.write('.trash/a.md', 'x')
    disk.write('.git/HEAD', 'x')
    disk.write('.DS_Store', 'x')
    expect(await disk.vault.apply(writing('sub/own.md', 'x', null), bytesOf('x'))).toMatchObject({ result: 'applied' })
    disk.write('last.md', 'x')
    await vi.waitFor(() => expect(paths()).toEqual(expect.arrayContaining(['sub/own.md', 'last.md'])), 5000)
    expect([...new Set(paths())].filter((path) => !['sub', 'sub/own.md', 'last.md'].includes(path))).toEqual([])
  })

  it('tells of later edits in folders that were made inside folders just made, at any depth', async () => {
    disk = await make()
    await watched()
    const notes = Array.from({ length: 40 }, (_, i) => `plan ${i}/deep/note.md`)
    for (const note of notes) {
      disk.write(note, 'x')
      const folder = note.split('/')[0]!
      await vi.waitFor(() => expect(paths().some((path) => path.startsWith(folder))).toBe(true), 5000)
    }
    await new Promise((resolve) => setTimeout(resolve, 100)) // what is still on its way
    seen = []
    for (const note of notes) disk.write(note, 'longer')
    await vi.waitFor(() => expect(paths()).toEqual(expect.arrayContaining(notes)), 5000)
  })

  it('names paths in NFC [E6]', async () => {
    disk = await make()
    await watched()
    disk.write('caf\u00e9.md'.normalize('NFD'), 'x')
    await vi.waitFor(() => expect(paths()).toContain('caf\u00e9.md'), 5000)
  })

  it('is silent once stopped', async () => {
    disk = await make()
    await watched()
    disk.write('a.md', 'x')
    await vi.waitFor(() => expect(paths()).toContain('a.md'), 5000)
    await stop()
    const before = seen.length
    // Somebody else still hears of it: only then is silence an answer.
    const others: WatchEvent[] = []
    stop = await disk.vault.watch((event) => others.push(event))
    disk.write('b.md', 'x')
    await vi.waitFor(() => expect(others).not.toEqual([]), 5000)
    expect(seen).toHaveLength(before)
  })
}
