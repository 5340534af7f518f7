import * as fs from 'node:fs'
import * as fsPromises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { desktopLargeFiles, WHOLE_LIMIT } from '../../../src/adapters/obsidian/large-files.ts'
import { ObsidianVaultFiles } from '../../../src/adapters/obsidian/obsidian-vault-files.ts'
import { LARGE_BLOB } from '../../../src/ports/object-store.ts'
import type { WatchEvent } from '../../../src/ports/vault-files.ts'
import { at, bytesOf, deleting, textOf, writing } from '../../contracts/vault-files.harness.ts'
import { FakeVaultApp } from '../../support/obsidian/vault-app.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { makeObsidianHarness } from './vault-harness.ts'
import type { ObsidianHarness } from './vault-harness.ts'

let disk: ObsidianHarness
afterEach(() => disk?.dispose())

const pathsOf = (files: readonly { path: string }[]): string[] => files.map(({ path }) => path).sort()
const write = async (
  path: string,
  content: string | Uint8Array,
  expected: string | Uint8Array | null,
): Promise<string> => (await disk.vault.apply(writing(path, content, expected), bytesOf(content))).result

describe('a scan', () => {
  it('[E8] sees nothing of the config folder unless told so, and nothing of other hidden files', async () => {
    disk = await makeObsidianHarness({ scope: { configParts: [] } })
    for (const path of ['.obsidian/app.json', '.obsidian/themes/a.css', '.hidden', '.folder/a.md', 'note.md'])
      disk.write(path, 'x')
    expect(pathsOf((await disk.vault.scan()).files)).toEqual(['note.md'])
    expect(disk.vault.inScope(at('.folder/a.md'))).toBe(false)
  })

  it('[E8] sees the chosen parts of the config folder', async () => {
    disk = await makeObsidianHarness({ scope: { configParts: ['appearance', 'hotkeys'] } as object })
    for (const name of [
      'app.json',
      'appearance.json',
      'hotkeys.json',
      'themes/t/theme.css',
      'snippets/s.css',
      'plugins/x/main.js',
      'workspace.json',
      'graph.json',
    ])
      disk.write(`.obsidian/${name}`, 'x')
    expect(pathsOf((await disk.vault.scan()).files)).toEqual([
      '.obsidian/appearance.json',
      '.obsidian/hotkeys.json',
      '.obsidian/snippets/s.css',
      '.obsidian/themes/t/theme.css',
    ])
  })

  it('[E2] reports a part of the config folder that cannot be listed', async () => {
    disk = await makeObsidianHarness()
    disk.write('.obsidian/themes/t/theme.css', 'x')
    disk.write('note.md', 'x')
    await disk.vault.scan()
    disk.lock('.obsidian/themes')
    expect(pathsOf((await disk.vault.scan()).errors)).toEqual(['.obsidian/themes'])
  })

  it('[E2] asks the disk before it lets a file be absent that Obsidian does not show any more', async () => {
    disk = await makeObsidianHarness()
    disk.write('folder/a.md', 'x')
    disk.write('b.md', 'x')
    await disk.vault.scan()
    disk.lock('folder') // Obsidian loses sight of what is in it.
    expect(disk.app.app.vault.getFiles()).toHaveLength(1)
    const { files, errors } = await disk.vault.scan()
    expect([pathsOf(files), pathsOf(errors)]).toEqual([['b.md'], ['folder']])
  })

  it('finds what Obsidian has not noticed yet, when it looks at the disk', async () => {
    disk = await makeObsidianHarness()
    disk.write('known.md', 'x')
    disk.app.disk.userWrite('unnoticed.md', 'x')
    expect(pathsOf((await disk.vault.scan()).files)).toEqual(['known.md', 'unnoticed.md'])
  })

  it('of many files looks at the time every few names, and gives others a turn when it is due', async () => {
    let turns = 0
    let looks = 0
    // Each look finds that another millisecond has passed.
    const now = vi.spyOn(performance, 'now').mockImplementation(() => looks++)
    disk = await makeObsidianHarness({}, {}, { nextTurn: async () => void turns++ })
    for (let i = 0; i < 10_000; i++) disk.app.disk.userWrite(`folder ${i % 100}/${i}.md`, '')
    disk.app.look()
    for (const _ of ['from the disk', 'from memory']) {
      ;[turns, looks] = [0, 0]
      expect((await disk.vault.scan()).files).toHaveLength(10_000)
      expect(looks).toBeGreaterThan(10_000 / 100)
      expect(turns).toBeGreaterThan(looks / 12)
    }
    now.mockRestore()
  })
})

describe('names [E6]', () => {
  it.each([
    ['a\\b.md', 'linux', /backslash/],
    ['a\u00a0b.md', 'linux', /no-break space/],
    ['a:b.md', 'windows', /:/],
    ['NUL.md', 'windows', /NUL/],
    ['what?.md', 'android', /\?/],
  ] as const)('%j are impossible on %s, and nothing else is written instead', async (path, platform, reason) => {
    disk = await makeObsidianHarness({}, {}, { platform })
    expect(await disk.vault.apply(writing(path, 'x', null), bytesOf('x'))).toEqual({
      result: 'impossible',
      reason: expect.stringMatching(reason) as string,
    })
    expect(await disk.vault.stat(at(path))).toBeUndefined()
    expect(await disk.vault.apply(deleting(path, 'x'))).toEqual({ result: 'applied' })
    expect(disk.listing()).toEqual([])
  })
})

describe('a write', () => {
  it('[E1] goes to a file that Obsidian does not show yet', async () => {
    disk = await makeObsidianHarness()
    disk.app.disk.userWrite('unnoticed.md', 'old')
    expect(await write('unnoticed.md', 'new', null)).toBe('changed')
    expect(await write('unnoticed.md', 'new', 'old')).toBe('applied')
    expect(textOf(disk.bytes('unnoticed.md'))).toBe('new')
  })

  it('[E1] [E8] checks and writes files of the config folder, makes its folders, and deletes to the trash', async () => {
    disk = await makeObsidianHarness()
    const path = '.obsidian/plugins/x/data.json'
    expect(await write(path, '{"a":1}', null)).toBe('applied')
    expect(await write(path, '{"a":2}', '{}')).toBe('changed')
    expect(await write(path, '{"a":2}', '{"a":1}')).toBe('applied')
    expect(textOf(disk.bytes(path))).toBe('{"a":2}')
    expect(await disk.vault.apply(deleting(path, '{"a":2}'))).toEqual({ result: 'applied' })
    expect([disk.listing(), disk.folders(), textOf(disk.trash().get(path))]).toEqual([[], [], '{"a":2}'])
  })

  it('[E1] of bytes leaves a file alone that changed since the step was made', async () => {
    disk = await makeObsidianHarness()
    disk.write('a.png', Uint8Array.of(0xff, 1))
    disk.duringRead('a.png', () => disk.write('a.png', Uint8Array.of(0xff, 2)))
    const step = writing('a.png', Uint8Array.of(0xff, 3), Uint8Array.of(0xff, 1))
    expect((await disk.vault.apply(step, Uint8Array.of(0xff, 3))).result).toBe('changed')
    expect(disk.bytes('a.png')).toEqual(Uint8Array.of(0xff, 2))
  })

  it('[E7] keeps a byte order mark, which Obsidian’s text calls may drop', async () => {
    disk = await makeObsidianHarness()
    const marked = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)
    disk.write('bom.md', marked)
    expect(await write('bom.md', Uint8Array.of(...marked, 0x62), marked)).toBe('applied')
    expect(disk.bytes('bom.md')).toEqual(Uint8Array.of(...marked, 0x62))
  })

  it.each([
    ['text', 'old text', 'new text that is longer'],
    ['bytes', Uint8Array.of(0xff, 1, 2, 3), Uint8Array.of(0xff, 9, 9, 9, 9, 9)],
  ] as const)('[pitfall 3] that a full disk cuts off restores the old %s', async (_, old, wanted) => {
    disk = await makeObsidianHarness()
    disk.write('note.md', old)
    const { adapter } = disk.app
    const cut = (): never => {
      disk.write('note.md', bytesOf(wanted).slice(0, 4))
      throw Object.assign(new Error('ENOSPC: full'), { code: 'ENOSPC' })
    }
    const { writeBinary } = adapter
    adapter.process = async (_path, change) => (change(textOf(bytesOf(old))!), cut())
    adapter.writeBinary = async () => {
      adapter.writeBinary = writeBinary
      cut()
    }
    if (typeof old === 'string') adapter.writeBinary = writeBinary
    await expect(write('note.md', wanted, old)).rejects.toMatchObject({ code: 'disk-full' })
    expect(disk.bytes('note.md')).toEqual(bytesOf(old))
  })

  it('[pitfall 3] that ends early without an error is noticed', async () => {
    disk = await makeObsidianHarness()
    disk.write('note.md', 'old')
    disk.app.adapter.process = async () => {
      disk.write('note.md', 'new')
      return 'new text'
    }
    await expect(write('note.md', 'new text', 'old')).rejects.toMatchObject({ code: 'unwritable' })
    expect(textOf(disk.bytes('note.md'))).toBe('old')
  })
})

describe('large files [E7]', () => {
  it('above what Obsidian can take are refused with the reason, neither read nor written', async () => {
    disk = await makeObsidianHarness()
    disk.write('big.bin', 'x')
    const stat = disk.app.adapter.stat.bind(disk.app.adapter)
    disk.app.adapter.stat = async (path) => {
      const found = await stat(path)
      return found && path === 'big.bin' ? { ...found, size: WHOLE_LIMIT + 1 } : found
    }
    await expect(disk.vault.stream(at('big.bin'))).rejects.toMatchObject({ code: 'unreadable' })
    const chunks = (async function* () {
      yield bytesOf('never asked for')
    })()
    const content = { size: WHOLE_LIMIT + 1, chunks }
    expect(await disk.vault.apply(writing('new.bin', 'y', null), content)).toMatchObject({ result: 'impossible' })
    expect(disk.listing()).toEqual(['big.bin'])
  })

  it('go piece by piece through a desktop’s file system, under a hidden name until they are whole', async () => {
    const root = fs.mkdtempSync(join(tmpdir(), 'tandem-large-'))
    try {
      const onDisk = (path: string): string => join(root, path)
      disk = await makeObsidianHarness({}, {}, { largeFiles: desktopLargeFiles(fsPromises, onDisk) })
      // Obsidian's view of the same folder.
      const look = (): void => {
        for (const path of disk.app.disk.files().keys())
          if (!fs.existsSync(onDisk(path))) disk.app.disk.userDelete(path)
        for (const path of fs.readdirSync(root, { recursive: true, encoding: 'utf8' }))
          if (fs.statSync(onDisk(path)).isFile()) {
            const bytes = fs.readFileSync(onDisk(path))
            if (!bytes.equals(disk.bytes(path) ?? Buffer.from('other')))
              disk.app.disk.userWrite(path, new Uint8Array(bytes))
          }
        disk.app.look()
      }
      const { adapter } = disk.app
      const stat = adapter.stat.bind(adapter)
      adapter.stat = async (path) => {
        look()
        return stat(path)
      }
      adapter.remove = async (path) => fs.rmSync(onDisk(path))
      adapter.mkdir = async (path) => void (fs.mkdirSync(onDisk(path)), disk.app.disk.userMkdir(path))
      const content = new Uint8Array(LARGE_BLOB + 1_000_000).map((_, i) => i * 7)
      const pieces = (bytes: Uint8Array) => ({
        size: bytes.length,
        chunks: (async function* () {
          for (let from = 0; from < bytes.length; from += 300_000) yield bytes.slice(from, from + 300_000)
        })(),
      })
      const made = await disk.vault.apply(writing('sub/big.bin', content, null), pieces(content))
      expect(made).toEqual({ result: 'applied', stat: await disk.vault.stat(at('sub/big.bin')) })
      const { chunks } = await disk.vault.stream(at('sub/big.bin'))
      const parts: Uint8Array[] = []
      for await (const chunk of chunks) parts.push(chunk)
      expect(Buffer.concat(parts).equals(content)).toBe(true)
      const other = content.slice().reverse()
      expect(await disk.vault.apply(writing('sub/big.bin', other, 'something else'), pieces(other))).toEqual({
        result: 'changed',
      })
      await expect(disk.vault.apply(writing('sub/big.bin', other, content), pieces(content))).rejects.toMatchObject({
        code: 'hash-mismatch',
      })
      expect(await disk.vault.apply(writing('sub/big.bin', other, content), pieces(other))).toMatchObject({
        result: 'applied',
      })
      expect(fs.readdirSync(dirname(onDisk('sub/big.bin')))).toEqual(['big.bin'])
      expect(fs.readFileSync(onDisk('sub/big.bin')).equals(other)).toBe(true)
    } finally {
      fs.rmSync(root, { recursive: true })
    }
  })
})

describe('watching', () => {
  const paths = (seen: readonly WatchEvent[]): string[] =>
    seen.flatMap((event) => (event.kind === 'paths' ? event.paths : []))

  it('tells both names of what is renamed inside Obsidian, of a folder and of all in it', async () => {
    disk = await makeObsidianHarness()
    disk.write('folder/a.md', 'x')
    const seen: WatchEvent[] = []
    await disk.vault.watch((event) => seen.push(event))
    disk.app.rename('folder', 'other')
    expect(paths(seen)).toEqual(['folder', 'other', 'folder/a.md', 'other/a.md'])
  })

  it('waits for the layout, then has everything looked at once', async () => {
    const memory = new MemoryDisk({ clock: new VirtualClock() })
    const app = new FakeVaultApp({ disk: memory, layoutReady: false })
    const vault = new ObsidianVaultFiles({ app: app.app, codec: nodeCodec, clock: memory.clock, platform: 'linux' })
    const seen: WatchEvent[] = []
    await vault.watch((event) => seen.push(event))
    app.person(() => memory.userWrite('loaded.md', 'x'))
    expect([seen, app.listeners.size]).toEqual([[], 0])
    app.readyNow()
    expect(seen).toEqual([{ kind: 'rescan' }])
    await vault.close()
    expect(app.listeners.size).toBe(0)
  })

  it('that was stopped before the layout was ready never begins', async () => {
    const memory = new MemoryDisk({ clock: new VirtualClock() })
    const app = new FakeVaultApp({ disk: memory, layoutReady: false })
    const vault = new ObsidianVaultFiles({ app: app.app, codec: nodeCodec, clock: memory.clock, platform: 'linux' })
    const seen: WatchEvent[] = []
    await (
      await vault.watch((event) => seen.push(event))
    )()
    app.readyNow()
    expect([seen, app.listeners.size]).toEqual([[], 0])
  })

  it('looks at the config folder every minute and on focus, and leaves nothing behind when closed [L9]', async () => {
    const clock = new VirtualClock()
    const memory = new MemoryDisk({ clock })
    memory.userWrite('.obsidian/app.json', '{}')
    memory.userWrite('.obsidian/hotkeys.json', '{}')
    const app = new FakeVaultApp({ disk: memory })
    const focus = new Set<() => void>()
    const refs: unknown[] = []
    const vault = new ObsidianVaultFiles({
      app: app.app,
      codec: nodeCodec,
      clock,
      platform: 'linux',
      scope: { configParts: ['settings', 'hotkeys'] },
      registerEvent: (ref) => refs.push(ref),
      onFocus: (then) => {
        focus.add(then)
        return () => focus.delete(then)
      },
    })
    const seen: WatchEvent[] = []
    await vault.watch((event) => seen.push(event))
    expect(refs).toHaveLength(4)
    memory.userWrite('.obsidian/app.json', '{"a":1}')
    await clock.advance(60_000)
    expect(paths(seen)).toEqual(['.obsidian/app.json'])
    memory.userDelete('.obsidian/hotkeys.json')
    for (const then of focus) then()
    await clock.advance(100)
    expect(paths(seen)).toEqual(['.obsidian/app.json', '.obsidian/hotkeys.json'])
    // What cannot be listed is not gone (E2).
    memory.unreadableFolders.add('.obsidian')
    await clock.advance(120_000)
    expect(seen).toHaveLength(2)
    await vault.close()
    expect([focus.size, app.listeners.size, clock.pending]).toEqual([0, 0, 0])
  })
})
