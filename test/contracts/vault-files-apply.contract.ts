import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FileContent } from '../../src/ports/vault-files.ts'
import type { HarnessOptions, Lacks, MakeHarness, VaultHarness } from './vault-files.harness.ts'
import { at, bytesOf, canHold, deleting, oidOf, textOf, writing } from './vault-files.harness.ts'

/** A content that comes in pieces. */
const streamOf = (parts: readonly string[], size = bytesOf(parts.join('')).length): FileContent => ({
  size,
  chunks: (async function* () {
    for (const part of parts) yield bytesOf(part)
  })(),
})

export function applyContract(make: MakeHarness, lacks: Lacks = {}): void {
  let disk: VaultHarness
  const reopenWith = async (options: HarnessOptions): Promise<void> => {
    await disk.dispose()
    disk = await make(options)
  }
  /** Writes and returns only the word. */
  const write = async (path: string, content: string, expect: string | null): Promise<string> =>
    (await disk.vault.apply(writing(path, content, expect), bytesOf(content))).result
  const remove = async (path: string, expect: string): Promise<string> =>
    (await disk.vault.apply(deleting(path, expect))).result
  const on = (path: string): string | undefined => textOf(disk.bytes(path))

  beforeEach(async () => void (disk = await make()))
  afterEach(() => disk.dispose())

  describe('a write', () => {
    it('makes a file and its folders, and returns the stat that the next scan shows', async () => {
      const applied = await disk.vault.apply(writing('a/b/note.md', 'text', null), bytesOf('text'))
      expect(applied).toEqual({ result: 'applied', stat: (await disk.vault.scan()).files[0] })
      expect(disk.listing()).toEqual(['a/b/note.md'])
      expect(on('a/b/note.md')).toBe('text')
    })

    it('replaces the content that it expects, and returns the new stat', async () => {
      disk.write('note.md', 'old')
      const applied = await disk.vault.apply(writing('note.md', 'new text', 'old'), bytesOf('new text'))
      expect(applied).toEqual({ result: 'applied', stat: await disk.vault.stat(at('note.md')) })
      expect(on('note.md')).toBe('new text')
      expect(disk.listing()).toEqual(['note.md'])
    })

    it('[E7] writes every byte of files of any kind, and reads them back', async () => {
      const names = ['a.md', 'no extension', '🦄/💡.md', 'caf\u00e9/日本.canvas', '.dot', 'x'.repeat(200)]
      const name = fc.constantFrom(...names.filter((path) => canHold(path, lacks)))
      await fc.assert(
        fc.asyncProperty(name, fc.uint8Array({ maxLength: 2000 }), fc.boolean(), async (path, content, whole) => {
          const there = disk.bytes(path) ?? null
          const chunks = (async function* () {
            yield content.subarray(0, 7)
            yield content.subarray(7)
          })()
          const given = whole ? content : { size: content.length, chunks }
          const applied = await disk.vault.apply(writing(path, content, there), given)
          expect(applied.result).toBe('applied')
          expect((await disk.vault.read(at(path))).content).toEqual(content)
        }),
        { numRuns: 60 },
      )
      expect(disk.listing().filter((path) => path.includes('.tandem'))).toEqual([])
    })

    it('[E1] touches nothing when the disk holds anything else than expected', async () => {
      disk.write('note.md', 'theirs')
      expect(await write('note.md', 'new', 'expected')).toBe('changed')
      expect(await write('note.md', 'new', null)).toBe('changed')
      expect(await write('absent/note.md', 'new', 'expected')).toBe('changed')
      expect(disk.listing()).toEqual(['note.md'])
      expect(disk.folders()).toEqual([])
      expect(on('note.md')).toBe('theirs')
    })

    it('is applied already when the disk holds the wanted content, whatever was expected; the file stays untouched', async () => {
      disk.write('note.md', 'same')
      const before = await disk.vault.stat(at('note.md'))
      for (const expected of [null, 'something else', 'same'])
        expect(await disk.vault.apply(writing('note.md', 'same', expected), bytesOf('same'))).toEqual({
          result: 'applied',
          stat: before,
        })
    })

    it.each([
      ['a change', 'old', () => disk.write('note.md', 'typed just now')],
      ['a change of the same length', 'old', () => disk.write('note.md', 'OLD')],
      ['a deletion', 'old', () => disk.remove('note.md')],
      ['a replacement by rename', 'old', () => disk.rename('other.md', 'note.md')],
      ['a file made meanwhile', null, () => disk.write('note.md', 'typed just now')],
    ] as const)('[E1] keeps %s between check and write', async (_, expected, race) => {
      disk.write('other.md', 'an editor’s temporary file')
      if (expected !== null) disk.write('note.md', expected)
      let theirs: string | undefined
      disk.beforeReplace(() => {
        race()
        theirs = on('note.md')
      })
      expect(await write('note.md', 'from a peer', expected)).toBe('changed')
      expect(on('note.md')).toBe(theirs)
      expect(disk.listing().filter((path) => path.includes('.tandem'))).toEqual([])
    })

    it('[E1] is "changed" where a file stands for a folder, or a folder with files for the file', async () => {
      disk.write('file', 'x')
      disk.write('folder/a.md', 'x')
      expect(await write('file/below.md', 'new', null)).toBe('changed')
      expect(await write('folder', 'new', null)).toBe('changed')
      expect(disk.listing()).toEqual(['file', 'folder/a.md'])
    })

    it('is impossible while an empty folder bears the name, for no snapshot would ever change that', async () => {
      disk.mkdir('folder/empty')
      expect(await write('folder', 'new', null)).toBe('impossible')
      expect(disk.folders()).toEqual(['folder', 'folder/empty'])
    })

    const linkTest = lacks.linkKinds ? undefined : it
    linkTest?.('never goes through a symbolic link', async () => {
      disk.link('linked')
      expect(await write('linked/new.md', 'new', null)).toBe('changed')
      expect(await write('linked/secret.md', 'new', 'secret')).toBe('changed')
      expect(await remove('linked/secret.md', 'secret')).toBe('changed')
      expect(await write('linked', 'new', null)).toBe('changed')
      expect(disk.listing()).toEqual([])
    })

    it('[pitfall 3] refuses content that is not what the step names, and keeps the old', async () => {
      disk.write('note.md', 'old')
      const step = writing('note.md', 'promised', 'old')
      const contents: FileContent[] = [
        bytesOf(''),
        bytesOf('promisee'),
        streamOf(['prom']),
        streamOf(['prom'], 8),
        streamOf(['promised', '!'], 8),
      ]
      for (const content of contents)
        await expect(disk.vault.apply(step, content)).rejects.toMatchObject({ code: 'hash-mismatch' })
      await expect(disk.vault.apply(writing('new/one.md', 'a', null), bytesOf('b'))).rejects.toThrow()
      expect(on('note.md')).toBe('old')
      expect(disk.listing()).toEqual(['note.md'])
      expect(disk.folders()).toEqual([])
    })

    it('passes on what the content’s source throws, and keeps the old', async () => {
      disk.write('note.md', 'old')
      const broken = Object.assign(new Error('the store is gone'), { code: 'ENOENT' })
      const chunks = (async function* () {
        yield bytesOf('half')
        throw broken
      })()
      const step = writing('note.md', 'half and half', 'old')
      await expect(disk.vault.apply(step, { size: 13, chunks })).rejects.toBe(broken)
      expect([on('note.md'), disk.listing()]).toEqual(['old', ['note.md']])
    })

    it.each(['disk-full', 'unwritable'] as const)(
      '[pitfall 1] fails as %s with the old content in place',
      async (code) => {
        disk.write('note.md', 'old')
        for (const [path, expected] of [
          ['note.md', 'old'],
          ['new/folder/note.md', null],
        ] as const) {
          disk.failNext(code)
          await expect(write(path, 'new', expected)).rejects.toMatchObject({ code, data: { path } })
        }
        expect([on('note.md'), disk.listing(), disk.folders()]).toEqual(['old', ['note.md'], []])
        expect(await write('note.md', 'new', 'old')).toBe('applied')
      },
    )

    it('[E2] neither writes nor deletes in a vault folder that is gone', async () => {
      disk.write('note.md', 'old')
      disk.unplug()
      await expect(write('note.md', 'new', 'old')).rejects.toMatchObject({ code: 'no-vault' })
      await expect(write('new.md', 'new', null)).rejects.toMatchObject({ code: 'no-vault' })
      await expect(remove('note.md', 'old')).rejects.toMatchObject({ code: 'no-vault' })
    })

    it('refuses paths that are not synced', async () => {
      for (const path of ['.trash/a.md', '.obsidian/plugins/tandem-sync/data.json'])
        await expect(write(path, 'x', null)).rejects.toMatchObject({ code: 'bad-path' })
      expect(disk.listing()).toEqual([])
    })

    it('[E6] goes to the file under its true name when that is NFD', async () => {
      const composed = 'caf\u00e9.md'
      disk.write(composed.normalize('NFD'), 'old')
      expect(await write(composed, 'new', 'old')).toBe('applied')
      expect(disk.listing().map((path) => path.normalize('NFC'))).toEqual([composed])
      expect(textOf((await disk.vault.read(at(composed))).content)).toBe('new')
      expect(await remove(composed, 'new')).toBe('applied')
      expect(disk.listing()).toEqual([])
    })
  })

  describe('a delete', () => {
    it('[E4] moves the file to the trash under its own path', async () => {
      disk.write('folder/note.md', 'old')
      expect(await disk.vault.apply(deleting('folder/note.md', 'old'))).toEqual({ result: 'applied' })
      expect(disk.listing()).toEqual([])
      expect(textOf(disk.trash().get('folder/note.md'))).toBe('old')
    })

    it('[E4] replaces nothing in the trash', async () => {
      const paths = ['sub.d/note.tar.gz', 'sub.d/.hidden'].filter((path) => canHold(path, lacks))
      for (const content of ['one', 'two', 'three'])
        for (const path of paths) {
          disk.write(path, content)
          expect(await remove(path, content)).toBe('applied')
        }
      const wanted = {
        'sub.d/.hidden': 'one',
        'sub.d/.hidden (2)': 'two',
        'sub.d/.hidden (3)': 'three',
        'sub.d/note.tar.gz': 'one',
        'sub.d/note.tar (2).gz': 'two',
        'sub.d/note.tar (3).gz': 'three',
      }
      expect(Object.fromEntries([...disk.trash()].map(([path, content]) => [path, textOf(content)]))).toEqual(
        Object.fromEntries(Object.entries(wanted).filter(([path]) => canHold(path, lacks))),
      )
    })

    it('[E1] keeps a file that holds anything else than expected', async () => {
      disk.write('note.md', 'edited')
      expect(await remove('note.md', 'old')).toBe('changed')
      expect([on('note.md'), disk.trash().size]).toEqual(['edited', 0])
    })

    it.each(['longer than before', 'OLD'])('[E1] keeps %j, written between check and delete', async (text) => {
      disk.write('note.md', 'old')
      disk.beforeReplace(() => disk.write('note.md', text))
      expect(await remove('note.md', 'old')).toBe('changed')
      expect([on('note.md'), disk.trash().size]).toEqual([text, 0])
    })

    it('is applied already when there is no file', async () => {
      disk.mkdir('folder')
      disk.write('file', 'x')
      for (const path of ['gone.md', 'gone/too.md', 'folder', 'file/below.md'])
        expect([path, await remove(path, 'old')]).toEqual([path, 'applied'])
      expect([disk.listing(), disk.folders()]).toEqual([['file'], ['folder']])
    })

    it('removes the folders that it emptied, and no other', async () => {
      disk.write('a/b/c/last.md', 'x')
      disk.mkdir('a/own empty folder')
      disk.write('other/one.md', 'x')
      disk.write('other/two.md', 'x')
      expect(await remove('a/b/c/last.md', 'x')).toBe('applied')
      expect(await remove('other/one.md', 'x')).toBe('applied')
      expect(disk.folders()).toEqual(['a', 'a/own empty folder', 'other'])
    })

    it('[pitfall 1] keeps the file when the trash fails', async () => {
      disk.write('note.md', 'old')
      disk.failNext('trash')
      await expect(remove('note.md', 'old')).rejects.toMatchObject({ code: 'trash-failed' })
      expect([on('note.md'), disk.trash().size]).toEqual(['old', 0])
      expect(await remove('note.md', 'old')).toBe('applied')
    })
  })

  describe('on a disk that folds case [E6] [pitfall 4]', () => {
    beforeEach(() => reopenWith({ foldsCase: true }))

    it('does not write over a file whose name differs only in case', async () => {
      disk.write('Folder/note.md', 'mine')
      expect(await write('Folder/Note.md', 'twin', null)).toBe('impossible')
      expect(await write('Folder/NOTE.md', 'mine', null)).toBe('impossible')
      expect(await write('folder/other.md', 'twin', null)).toBe('impossible')
      expect(disk.listing()).toEqual(['Folder/note.md'])
      expect(on('Folder/note.md')).toBe('mine')
    })

    it('finds a file under its exact name only', async () => {
      disk.write('note.md', 'mine')
      expect(await disk.vault.stat(at('Note.md'))).toBeUndefined()
      await expect(disk.vault.read(at('Note.md'))).rejects.toMatchObject({ code: 'vanished' })
      expect((await disk.vault.stat(at('note.md')))?.path).toBe('note.md')
    })

    it('renames in case alone by a delete and a write', async () => {
      disk.write('note.md', 'text')
      expect(await remove('note.md', 'text')).toBe('applied')
      expect(await write('Note.md', 'text', null)).toBe('applied')
      expect(disk.listing()).toEqual(['Note.md'])
      expect(on('Note.md')).toBe('text')
    })

    it('does not delete the file of the new name by the old one', async () => {
      disk.write('Note.md', 'text')
      expect(await remove('note.md', 'text')).toBe('applied')
      expect(disk.listing()).toEqual(['Note.md'])
    })
  })

  describe('after a kill', () => {
    it('the next start removes temporary files, and only our own', async () => {
      disk.write('sub/.tandem-0123456789abcdef.tmp', 'half a no')
      disk.write('sub/.tandem-ideas.tmp', 'somebody’s own')
      disk.write('sub/note.md', 'x')
      await disk.reopen()
      await disk.vault.scan()
      expect(disk.listing()).toEqual(['sub/.tandem-ideas.tmp', 'sub/note.md'])
    })
  })

  it('many writes at once into one folder all arrive', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `shared/folder ${i % 4}/${i}.md`)
    expect(new Set(await Promise.all(names.map((name) => write(name, name, null))))).toEqual(new Set(['applied']))
    expect(disk.listing()).toEqual([...names].sort())
    expect(new Set(await Promise.all(names.map((name) => remove(name, name))))).toEqual(new Set(['applied']))
    expect([disk.listing(), disk.folders()]).toEqual([[], []])
    expect(oidOf(disk.trash().get(names[7]!)!)).toBe(oidOf(names[7]!))
  })
}
