import { afterEach, describe, expect, it } from 'vitest'
import type { HarnessOptions, Lacks, MakeHarness, VaultHarness } from './vault-files.harness.ts'
import { at, bytesOf, canHold, textOf } from './vault-files.harness.ts'

const every = Uint8Array.from({ length: 256 }, (_, i) => i)

/** Names and contents that have broken other tools (E7). */
const ODD_FILES: readonly (readonly [string, string | Uint8Array])[] = [
  ['empty.md', ''],
  ['LICENSE', 'no extension'],
  ['.hidden', 'a dot first'],
  ['🦄 notes/💡 idea 👩‍👩‍👧.md', 'emoji'],
  ['Ünïcödé/日本語.md', '日本語'],
  ['trailing dot. .md', 'x'],
  ['quotes "and" <others>|?*:\\.md', 'legal on this system'],
  ['bytes.bin', every],
  ['utf16.txt', Uint8Array.of(0xff, 0xfe, 0x41, 0x00)],
  ['latin1.txt', Uint8Array.of(0xe9, 0xe8)],
  ['bom.md', Uint8Array.of(0xef, 0xbb, 0xbf, 0x41, 0x0d, 0x0a)],
]

const pathsOf = (files: readonly { path: string }[]): string[] => files.map(({ path }) => path).sort()

export function readContract(make: MakeHarness, lacks: Lacks = {}): void {
  let disk: VaultHarness
  const open = async (options?: HarnessOptions): Promise<void> => void (disk = await make(options))
  afterEach(() => disk.dispose())

  describe('a scan', () => {
    it('lists every file with its size and times, folders only by their files', async () => {
      await open()
      disk.write('a.md', 'one')
      disk.write('deep/er/b.md', 'three')
      disk.mkdir('empty folder')
      const { files, errors, skipped } = await disk.vault.scan()
      expect(pathsOf(files)).toEqual(['a.md', 'deep/er/b.md'])
      expect([errors, skipped]).toEqual([[], []])
      for (const stat of files) expect(await disk.vault.stat(stat.path)).toEqual(stat)
      expect(files.find(({ path }) => path === 'deep/er/b.md')!.size).toBe(5)
    })

    it('[E7] takes empty files, no extension, any encoding and emoji names, and reads them byte for byte', async () => {
      await open()
      const oddFiles = ODD_FILES.filter(([path]) => canHold(path, lacks))
      for (const [path, content] of oddFiles) disk.write(path, content)
      const { files, skipped } = await disk.vault.scan()
      expect(skipped).toEqual([])
      expect(pathsOf(files)).toEqual(oddFiles.map(([path]) => path).sort())
      for (const [path, content] of oddFiles) {
        const read = await disk.vault.read(at(path))
        expect([path, read.content]).toEqual([path, bytesOf(content)])
        expect(read.stat).toEqual(files.find((stat) => stat.path === path))
      }
    })

    it('of an empty vault finds nothing, and no error', async () => {
      await open()
      expect(await disk.vault.scan()).toEqual({ files: [], errors: [], skipped: [] })
    })

    it('does not see the trash, git folders, own temporary files, the own plugin folder and litter [E8]', async () => {
      await open()
      const invisible = [
        '.trash/old.md',
        '.git/config',
        'sub/.git/HEAD',
        'sub/.tandem-0123456789abcdef.tmp',
        '.tandem-notes.tmp',
        '.obsidian/plugins/tandem-sync/data.json',
        '.DS_Store',
        'sub/Thumbs.db',
        'sub/desktop.ini',
      ]
      const visible = [
        'sub/.trash/kept.md',
        '.gitignore',
        '.obsidian/app.json',
        '.obsidian/workspace.json',
        'tandem.tmp',
      ].filter((path) => canHold(path, lacks))
      for (const path of [...invisible, ...visible]) disk.write(path, 'x')
      const { files, skipped } = await disk.vault.scan()
      expect(pathsOf(files)).toEqual([...visible].sort())
      expect(skipped).toEqual([])
      for (const path of visible) expect([path, disk.vault.inScope(at(path))]).toEqual([path, true])
      for (const path of invisible.filter((path) => !path.includes('.git/')))
        expect([path, disk.vault.inScope(at(path))]).toEqual([path, false])
    })

    it('[E8] leaves the config folder out when told so', async () => {
      await open({ scope: { configFolder: false, configDir: '.config' } })
      disk.write('.config/app.json', '{}')
      disk.write('.configuration/app.json', '{}')
      disk.write('.obsidian/app.json', '{}')
      expect(pathsOf((await disk.vault.scan()).files)).toEqual(
        ['.configuration/app.json', '.obsidian/app.json'].filter((path) => canHold(path, lacks, '.config')),
      )
      expect(disk.vault.inScope(at('.config/app.json'))).toBe(false)
    })

    it('[E8] leaves the window layout out when told so', async () => {
      await open({ scope: { syncWorkspace: false } })
      for (const name of ['workspace.json', 'workspace-mobile.json', 'app.json', 'plugins/x/workspace.json'])
        disk.write(`.obsidian/${name}`, '{}')
      const visible = ['.obsidian/app.json', '.obsidian/plugins/x/workspace.json']
      expect(pathsOf((await disk.vault.scan()).files)).toEqual(visible.filter((path) => canHold(path, lacks)))
    })

    const linkTest = lacks.linkKinds ? undefined : it
    linkTest?.('skips symbolic links with the reason, and never follows them [E2]', async () => {
      await open()
      disk.write('real.md', 'x')
      disk.link('linked')
      const { files, skipped, errors } = await disk.vault.scan()
      expect(pathsOf(files)).toEqual(['real.md'])
      expect(skipped).toEqual([{ path: 'linked', reason: 'it is a symbolic link' }])
      expect(errors).toEqual([])
      await expect(disk.vault.stat(at('linked'))).rejects.toMatchObject({ code: 'unreadable' })
      await expect(disk.vault.stat(at('linked/secret.md'))).rejects.toMatchObject({ code: 'unreadable' })
      await expect(disk.vault.read(at('linked/secret.md'))).rejects.toMatchObject({ code: 'unreadable' })
      expect((await disk.vault.scanBelow(at('linked/secret.md'))).skipped).toHaveLength(1)
    })

    it('[E6] skips names that no tree may hold, with the reason', async () => {
      await open()
      disk.write('fine.md', 'x')
      disk.write('bell\u0007.md', 'x')
      disk.write('.GIT/config', 'x')
      const { files, skipped } = await disk.vault.scan()
      expect(pathsOf(files)).toEqual(['fine.md'])
      expect(pathsOf(skipped)).toEqual(['bell\u0007.md'])
    })

    it('[E2] reports a folder that cannot be listed instead of taking its files for deleted', async () => {
      await open()
      disk.write('locked/a.md', 'x')
      disk.write('open/b.md', 'x')
      disk.lock('locked')
      const { files, errors } = await disk.vault.scan()
      expect(pathsOf(files)).toEqual(['open/b.md'])
      expect(pathsOf(errors)).toEqual(['locked'])
      expect(pathsOf((await disk.vault.scanBelow(at('locked'))).errors)).toEqual(['locked'])
    })

    it('[E2] [pitfall 1] reports a vault folder that is gone; nothing counts as absent then', async () => {
      await open()
      disk.write('a.md', 'x')
      await disk.vault.scan()
      disk.unplug()
      const { files, errors } = await disk.vault.scan()
      expect([files, errors.length]).toEqual([[], 1])
      expect((await disk.vault.scanBelow(at('a.md'))).errors).toHaveLength(1)
      await expect(disk.vault.stat(at('a.md'))).rejects.toMatchObject({ code: 'no-vault' })
      await expect(disk.vault.read(at('a.md'))).rejects.toMatchObject({ code: 'no-vault' })
    })

    it('[E2] [pitfall 1] reports an empty vault folder that held files before', async () => {
      await open()
      disk.write('a.md', 'x')
      expect((await disk.vault.scan()).errors).toEqual([])
      disk.remove('a.md')
      expect((await disk.vault.scan()).errors).toHaveLength(1)
      disk.write('b.md', 'x')
      expect((await disk.vault.scan()).errors).toEqual([])
    })

    it('stops when told to', async () => {
      await open()
      for (let i = 0; i < 100; i++) disk.write(`${i}.md`, '')
      const stop = new Error('enough')
      await expect(disk.vault.scan(AbortSignal.abort(stop))).rejects.toBe(stop)
    })

    it('below a path finds the folder’s files, the file, or nothing', async () => {
      await open()
      disk.write('folder/a.md', 'x')
      disk.write('folder/sub/b.md', 'x')
      disk.write('folder.md', 'x')
      const below = async (path: string): Promise<string[]> => pathsOf((await disk.vault.scanBelow(at(path))).files)
      expect(await below('folder')).toEqual(['folder/a.md', 'folder/sub/b.md'])
      expect(await below('folder/a.md')).toEqual(['folder/a.md'])
      expect(await below('gone')).toEqual([])
      expect(await below('folder.md/x')).toEqual([])
    })
  })

  describe('names in NFD [E6]', () => {
    const composed = 'Übung/caf\u00e9.md'
    const decomposed = composed.normalize('NFD')

    it('appear as NFC, and reading, writing and deleting reach the file under its true name', async () => {
      await open()
      disk.write(decomposed, 'old')
      for (const scanned of [false, true]) {
        if (scanned) expect(pathsOf((await disk.vault.scan()).files)).toEqual([composed])
        expect(textOf((await disk.vault.read(at(composed))).content)).toBe('old')
        expect((await disk.vault.stat(at(composed)))?.path).toBe(composed)
        expect(pathsOf((await disk.vault.scanBelow(at('Übung'))).files)).toEqual([composed])
      }
      expect(disk.listing()).toEqual([decomposed])
    })

    it('of two spellings of one name the composed one is the file, the other is skipped', async () => {
      await open()
      const [first, second] = ['caf\u00e9.md', 'caf\u00e9.md'.normalize('NFD')]
      disk.write(second, 'second')
      disk.write(first, 'the first')
      // A disk that knows one spelling only holds one file now.
      const two = disk.listing().length === 2
      const { files, skipped } = await disk.vault.scan()
      expect(files.map(({ path, size }) => [path, size])).toEqual([[first, 9]])
      expect(skipped).toEqual(
        two ? [expect.objectContaining({ reason: 'it is a second spelling of the same name' })] : [],
      )
      expect(textOf((await disk.vault.read(at(first))).content)).toBe('the first')
    })
  })

  describe('reading', () => {
    it('says that a file vanished', async () => {
      await open()
      disk.mkdir('folder')
      for (const path of ['gone.md', 'folder', 'gone/too.md']) {
        await expect(disk.vault.read(at(path))).rejects.toMatchObject({ code: 'vanished', data: { path } })
        expect(await disk.vault.stat(at(path))).toBeUndefined()
      }
    })

    it('[pitfall 3] reads again what changed while it was read: content and stat belong together', async () => {
      await open()
      disk.write('a.md', 'short')
      disk.duringRead('a.md', () => disk.write('a.md', 'much longer than before'))
      const { content, stat } = await disk.vault.read(at('a.md'))
      expect(textOf(content)).toBe('much longer than before')
      expect(stat).toEqual(await disk.vault.stat(at('a.md')))
    })

    it('[pitfall 3] says that a file is unstable when it never rests', async () => {
      await open()
      disk.write('log.md', '')
      let text = ''
      const grow = (): void => {
        disk.write('log.md', (text += 'x'))
        disk.duringRead('log.md', grow)
      }
      disk.duringRead('log.md', grow)
      await expect(disk.vault.read(at('log.md'))).rejects.toMatchObject({ code: 'unstable' })
    })

    it('[E7] streams in small chunks', async () => {
      await open()
      const content = Uint8Array.from({ length: 1_000_000 }, (_, i) => i * 7)
      disk.write('big.bin', content)
      const { stat, chunks } = await disk.vault.stream(at('big.bin'))
      const parts: Uint8Array[] = []
      for await (const chunk of chunks) parts.push(chunk)
      expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(256 * 1024)
      expect(Buffer.concat(parts).equals(content)).toBe(true)
      expect(stat).toEqual(await disk.vault.stat(at('big.bin')))
    })

    it('a stream fails at its end when the file changed meanwhile', async () => {
      await open()
      disk.write('big.bin', new Uint8Array(600_000))
      const { chunks } = await disk.vault.stream(at('big.bin'))
      const drain = async (): Promise<void> => {
        let first = true
        for await (const chunk of chunks) {
          if (first) disk.write('big.bin', chunk)
          first = false
        }
      }
      await expect(drain()).rejects.toMatchObject({ code: 'unstable' })
    })
  })
}
