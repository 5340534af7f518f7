import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { openNodeVault } from '../../../src/adapters/node/node-vault-files.ts'
import type { Subscribe } from '../../../src/adapters/node/vault-watch.ts'
import { parseOid } from '../../../src/objects/oid.ts'
import type { ScanIssue, WatchEvent } from '../../../src/ports/vault-files.ts'
import { at, bytesOf, deleting, textOf, writing } from '../../contracts/vault-files.harness.ts'
import { quickClock } from '../../support/quick-clock.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { makeNodeHarness } from './node-vault-harness.ts'
import type { NodeHarness } from './node-vault-harness.ts'

let disk: NodeHarness
beforeEach(async () => void (disk = await makeNodeHarness()))
afterEach(() => disk.dispose())

const open = (root: string) => openNodeVault({ root, codec: nodeCodec, clock: quickClock })

describe('opening a vault', () => {
  it('says in words that there is no such folder', async () => {
    const root = join(disk.outside, 'missing')
    await expect(open(root)).rejects.toMatchObject({ code: 'no-vault', data: { path: root } })
    await expect(open(root)).rejects.toThrow(/There is no folder “.*missing”\. Check the path/)
  })

  it('says in words that it is a file', async () => {
    await expect(open(join(disk.outside, 'secret.md'))).rejects.toMatchObject({ code: 'not-a-folder' })
    await expect(open(join(disk.outside, 'secret.md'))).rejects.toThrow(/is a file, not a folder/)
  })

  it('leaves nothing behind', () => {
    expect(fs.readdirSync(disk.root)).toEqual([])
  })

  it('takes a symbolic link to the vault’s folder', async () => {
    fs.symlinkSync(disk.root, join(disk.outside, 'shortcut'))
    disk.write('a.md', 'x')
    const vault = await open(join(disk.outside, 'shortcut'))
    expect(vault.root).toBe(disk.root)
    expect((await vault.scan()).files).toHaveLength(1)
  })

  it('finds out whether the disk folds case', () => {
    disk.write('Probe', '')
    expect(disk.vault.caseInsensitive).toBe(fs.existsSync(join(disk.root, 'probe')))
  })
})

describe('scanning the disk', () => {
  it('skips names that are not valid UTF-8, and keeps those that hold U+FFFD itself [E6]', async () => {
    fs.writeFileSync(Buffer.concat([Buffer.from(`${disk.root}/latin-`), Buffer.of(0xe9)]), 'x')
    disk.write('really \uFFFD.md', 'y')
    const { files, skipped, errors } = await disk.vault.scan()
    expect(files.map(({ path }) => path)).toEqual(['really \uFFFD.md'])
    expect(skipped).toEqual([{ path: 'latin-\uFFFD', reason: 'its name is not valid UTF-8' }])
    expect(errors).toEqual([])
  })

  it('skips pipes, and reading one does not wait for a writer', async () => {
    execFileSync('mkfifo', [join(disk.root, 'pipe')])
    expect((await disk.vault.scan()).skipped).toEqual([{ path: 'pipe', reason: 'it is a pipe' }])
    await expect(disk.vault.read(at('pipe'))).rejects.toMatchObject({ code: 'unreadable' })
  })

  it('[E2] does not believe another folder in the vault’s place', async () => {
    disk.write('a.md', 'x')
    await disk.vault.scan()
    disk.unplug()
    fs.mkdirSync(disk.root)
    fs.writeFileSync(join(disk.root, 'other.md'), 'x')
    expect(await disk.vault.scan()).toMatchObject({ files: [], errors: [{ path: '' }] })
    await expect(disk.vault.stat(at('a.md'))).rejects.toMatchObject({ code: 'no-vault' })
    await expect(disk.vault.apply(writing('b.md', 'x', null), bytesOf('x'))).rejects.toMatchObject({ code: 'no-vault' })
    expect(fs.readdirSync(disk.root)).toEqual(['other.md'])
  })

  it('[E2] reports a disk that goes away during the scan', async () => {
    disk.write('first/a.md', 'x')
    disk.write('second/b.md', 'x')
    disk.hook = (call, path) => {
      if (call === 'list' && path !== disk.root && fs.existsSync(disk.root)) disk.unplug()
    }
    expect((await disk.vault.scan()).errors).not.toEqual([])
  })

  it('lets the event loop turn while it scans', async () => {
    for (let i = 0; i < 400; i++) disk.write(`folder ${i % 20}/${i}.md`, '')
    let turns = 0
    const turn = (): void => void (timer = setImmediate(() => (turns++, turn())))
    let timer = setImmediate(turn)
    const slow = vi.spyOn(performance, 'now')
    let now = 0
    slow.mockImplementation(() => (now += 6))
    try {
      expect((await disk.vault.scan()).files).toHaveLength(400)
    } finally {
      slow.mockRestore()
      clearImmediate(timer)
    }
    expect(turns).toBeGreaterThan(1)
  })

  it('joins a folder that is there in both spellings [E6]', async () => {
    const composed = 'caf\u00e9'
    disk.write(`${composed}/one.md`, '1')
    disk.write(`${composed.normalize('NFD')}/two.md`, '2')
    const all = (await disk.vault.scan()).files.map(({ path }) => path).sort()
    expect(all).toEqual([`${composed}/one.md`, `${composed}/two.md`])
    expect((await disk.vault.scanBelow(at(composed))).files).toHaveLength(2)
    for (const path of all) expect((await disk.vault.read(path)).content).toHaveLength(1)
    expect(await disk.vault.apply(writing(all[1]!, 'new', '2'), bytesOf('new'))).toMatchObject({ result: 'applied' })
    expect(textOf(disk.bytes(`${composed.normalize('NFD')}/two.md`))).toBe('new')
  })
})

describe('writing many new names into a folder, which is listed once a second at most [E6]', () => {
  const [first, name] = ['sub/caf\u00e9.md', 'sub/na\u00efve \u00f6.md']
  const inNfd = name.normalize('NFD')

  it('neither overwrites nor doubles a file whose name in NFD came since', async () => {
    disk.write('sub/Keep.md', 'kept')
    expect(await disk.vault.apply(writing(at(first), 'theirs', null), bytesOf('theirs'))).toMatchObject({
      result: 'applied',
    })
    disk.write(inNfd, 'mine')
    expect(await disk.vault.apply(writing(at(name), 'theirs', null), bytesOf('theirs'))).toEqual({ result: 'changed' })
    expect(await disk.vault.apply(writing(at(name), 'theirs', 'old'), bytesOf('theirs'))).toEqual({
      result: 'changed',
    })
    expect(textOf(disk.bytes(inNfd))).toBe('mine')
    expect(disk.listing()).toEqual([first, 'sub/Keep.md', inNfd].sort())
    expect(await disk.vault.apply(writing(at(name), 'theirs', 'mine'), bytesOf('theirs'))).toMatchObject({
      result: 'applied',
    })
    expect(textOf(disk.bytes(inNfd))).toBe('theirs')
    expect(disk.listing()).toEqual([first, 'sub/Keep.md', inNfd].sort())
  })

  it('nor one that comes at the last moment', async () => {
    disk.hook = (call) => void (call === 'replace' && disk.write(inNfd, 'mine'))
    expect(await disk.vault.apply(writing(at(name), 'theirs', null), bytesOf('theirs'))).toEqual({ result: 'changed' })
    expect(textOf(disk.bytes(inNfd))).toBe('mine')
    expect(disk.listing()).toEqual([inNfd])
  })

  it('nor a folder spelled so: what is new goes into it', async () => {
    const [folder, file] = ['caf\u00e9', 'two.md']
    await disk.vault.apply(writing(at('\u00f6.md'), 'x', null), bytesOf('x'))
    disk.write(`${folder.normalize('NFD')}/one.md`, '1')
    await disk.vault.apply(writing(at(`${folder}/${file}`), '2', null), bytesOf('2'))
    expect(disk.listing()).toEqual(
      [`${folder.normalize('NFD')}/one.md`, `${folder.normalize('NFD')}/two.md`, '\u00f6.md'].sort(),
    )
  })

  it('overwrites none that is composed in part either: it lies beside what was written, and the scan tells of it', async () => {
    const mixed = 'sub/na\u0069\u0308ve \u00f6.md'
    disk.write('sub/Keep.md', 'kept')
    await disk.vault.apply(writing(at(first), 'theirs', null), bytesOf('theirs'))
    disk.write(mixed, 'mine')
    await disk.vault.apply(writing(at(name), 'theirs', null), bytesOf('theirs'))
    expect(textOf(disk.bytes(mixed))).toBe('mine')
    const { files, skipped } = await disk.vault.scan()
    expect(files.filter(({ path }) => path === name)).toHaveLength(1)
    expect(files.length + skipped.length).toBe(disk.listing().length)
  })
})

describe('reading the disk', () => {
  it('[pitfall 3] waits for the content of a file that was emptied just now', async () => {
    disk.write('note.md', '')
    let waited = 0
    const clock = {
      ...quickClock,
      sleep: async (ms: number) => {
        waited += ms
        if (waited === ms) disk.write('note.md', 'here it comes')
      },
    }
    const vault = await openNodeVault({ root: disk.root, codec: nodeCodec, clock })
    expect(textOf((await vault.read(at('note.md'))).content)).toBe('here it comes')
    expect(waited).toBeGreaterThan(0)
  })

  it('does not wait for a file that has been empty for long', async () => {
    disk.write('note.md', '')
    fs.utimesSync(join(disk.root, 'note.md'), 1_700_000_000, 1_700_000_000)
    const sleep = vi.fn(quickClock.sleep)
    const vault = await openNodeVault({ root: disk.root, codec: nodeCodec, clock: { ...quickClock, sleep } })
    expect((await vault.read(at('note.md'))).content).toHaveLength(0)
    expect(sleep).not.toHaveBeenCalled()
  })

  it('[pitfall 3] notices an edit that put the modification time back', async () => {
    disk.write('note.md', 'one')
    const turnBack = (): void => fs.utimesSync(join(disk.root, 'note.md'), 1_700_000_000, 1_700_000_000)
    turnBack()
    disk.duringRead('note.md', () => {
      disk.write('note.md', 'two')
      turnBack()
    })
    const { content, stat } = await disk.vault.read(at('note.md'))
    expect(textOf(content)).toBe('two')
    expect(stat).toEqual(await disk.vault.stat(at('note.md')))
  })

  it('[E7] streams a file larger than one read through bounded memory', async () => {
    const size = 40 * 1024 * 1024
    const source = {
      size,
      chunks: (async function* () {
        for (let at = 0; at < size; at += 1024 * 1024) yield new Uint8Array(1024 * 1024).fill(at / (1024 * 1024))
      })(),
    }
    const sha1 = nodeCodec.sha1().update(bytesOf(`blob ${size}\0`))
    for (let at = 0; at < 40; at++) sha1.update(new Uint8Array(1024 * 1024).fill(at))
    const step = { kind: 'write', path: at('big.bin'), expect: null, oid: parseOid(sha1.hex()) } as const
    expect(await disk.vault.apply(step, source)).toMatchObject({ result: 'applied', stat: { size } })
    const { chunks } = await disk.vault.stream(at('big.bin'))
    let read = 0
    for await (const chunk of chunks) {
      expect(chunk.buffer.byteLength).toBeLessThanOrEqual(256 * 1024)
      read += chunk.length
    }
    expect(read).toBe(size)
    expect(await disk.vault.apply({ kind: 'delete', path: at('big.bin'), expect: step.oid })).toEqual({
      result: 'applied',
    })
  })
})

describe('writing to the disk', () => {
  it('keeps the permissions of the file that it replaces', async () => {
    disk.write('script.sh', 'old')
    fs.chmodSync(join(disk.root, 'script.sh'), 0o750)
    await disk.vault.apply(writing('script.sh', 'new', 'old'), bytesOf('new'))
    expect(fs.statSync(join(disk.root, 'script.sh')).mode & 0o777).toBe(0o750)
    expect(textOf(disk.bytes('script.sh'))).toBe('new')
  })

  it('flushes the temporary file before it takes the place of the old', async () => {
    disk.write('note.md', 'old')
    const calls: string[] = []
    disk.hook = (call, path) => {
      if (call !== 'list') calls.push(`${call} ${path.slice(disk.root.length + 1).replace(/[0-9a-f]{16}/, '#')}`)
    }
    await disk.vault.apply(writing('note.md', 'new', 'old'), bytesOf('new'))
    expect(calls).toEqual(['open .tandem-#.tmp', 'write .tandem-#.tmp', 'sync .tandem-#.tmp', 'replace note.md'])
  })

  it.each(['open', 'write', 'sync', 'replace'] as const)(
    '[pitfall 1] a full disk at %s leaves the old content, and nothing else',
    async (where) => {
      disk.write('note.md', 'old')
      disk.hook = (call) => {
        if (call === where) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      }
      const failed = disk.vault.apply(writing('note.md', 'new', 'old'), bytesOf('new'))
      await expect(failed).rejects.toThrow(
        /“note.md” cannot be written because the disk is full .*It holds what it held before\./,
      )
      await expect(disk.vault.apply(writing('a/b.md', 'new', null), bytesOf('new'))).rejects.toMatchObject({
        code: 'disk-full',
      })
      expect([disk.listing(), disk.folders(), textOf(disk.bytes('note.md'))]).toEqual([['note.md'], [], 'old'])
    },
  )

  it('[E6] is impossible when the file system refuses the name', async () => {
    disk.hook = (call) => {
      if (call === 'replace') throw Object.assign(new Error('bad name'), { code: 'EINVAL' })
    }
    const applied = await disk.vault.apply(writing('a:b.md', 'x', null), bytesOf('x'))
    expect(applied).toEqual({ result: 'impossible', reason: 'this disk does not take the name (EINVAL)' })
    expect(disk.listing()).toEqual([])
  })

  it('[E1] notices an edit of a large file, and one that put the modification time back, between check and write', async () => {
    const old = new Uint8Array(2 * 1024 * 1024)
    for (const [size, turnBack] of [
      [old.length, false],
      [old.length, true],
      [10, true],
    ] as const) {
      const before = old.subarray(0, size)
      const edited = before.slice().fill(7)
      const setTime = (): void => fs.utimesSync(join(disk.root, 'a.bin'), 1_700_000_000, 1_700_000_000)
      disk.write('a.bin', before)
      setTime()
      disk.beforeReplace(() => {
        disk.write('a.bin', edited)
        if (turnBack) setTime()
      })
      expect(await disk.vault.apply(writing('a.bin', 'new', before), bytesOf('new'))).toEqual({ result: 'changed' })
      expect(Buffer.compare(disk.bytes('a.bin')!, edited)).toBe(0)
    }
  })

  it('[E1] never writes through a folder that was replaced by a link meanwhile', async () => {
    disk.write('folder/secret.md', 'secret')
    disk.beforeReplace(() => {
      fs.rmSync(join(disk.root, 'folder'), { recursive: true })
      disk.link('folder')
    })
    const applied = await disk.vault.apply(writing('folder/secret.md', 'new', 'secret'), bytesOf('new'))
    expect(applied).toEqual({ result: 'changed' })
    expect(fs.readFileSync(join(disk.outside, 'secret.md'), 'utf8')).toBe('secret')
    expect(fs.readdirSync(disk.outside)).toEqual(['secret.md'])
  })

  it('leaves a temporary file that is being written alone when a scan comes by', async () => {
    let during: string[] = []
    const chunks = (async function* () {
      yield bytesOf('half')
      await disk.vault.scan()
      during = disk.listing()
      yield bytesOf('whole')
    })()
    const step = writing('note.md', 'halfwhole', null)
    expect(await disk.vault.apply(step, { size: 9, chunks })).toMatchObject({ result: 'applied' })
    expect(during).toEqual([expect.stringMatching(/^\.tandem-[0-9a-f]{16}\.tmp$/)])
  })
})

describe('the trash on disk', () => {
  it('[E4] never replaces a folder or follows a link in the trash', async () => {
    disk.write('note.md', 'old')
    disk.mkdir('.trash/note.md')
    disk.link('.trash/sub')
    disk.write('sub/secret.md', 'inside')
    expect(await disk.vault.apply(deleting('note.md', 'old'))).toEqual({ result: 'applied' })
    expect(await disk.vault.apply(deleting('sub/secret.md', 'inside'))).toEqual({ result: 'applied' })
    expect([...disk.trash().keys()].sort()).toEqual(['note (2).md', 'secret.md'])
    expect(fs.readFileSync(join(disk.outside, 'secret.md'), 'utf8')).toBe('secret')
  })

  it('[pitfall 1] keeps the file when the trash itself is a link out of the vault', async () => {
    disk.link('.trash')
    disk.write('note.md', 'old')
    await expect(disk.vault.apply(deleting('note.md', 'old'))).rejects.toMatchObject({ code: 'trash-failed' })
    expect(textOf(disk.bytes('note.md'))).toBe('old')
    expect(fs.readdirSync(disk.outside)).toEqual(['secret.md'])
  })

  it('is left out when deleted content shall stay in the history alone', async () => {
    const bare = await makeNodeHarness({}, { trash: 'history' })
    try {
      bare.write('folder/note.md', 'old')
      expect(await bare.vault.apply(deleting('folder/note.md', 'old'))).toEqual({ result: 'applied' })
      expect(fs.readdirSync(bare.root)).toEqual([])
      bare.write('note.md', 'old')
      bare.beforeReplace(() => bare.write('note.md', 'edited'))
      expect(await bare.vault.apply(deleting('note.md', 'old'))).toEqual({ result: 'changed' })
      expect(fs.readdirSync(bare.root)).toEqual(['note.md'])
    } finally {
      await bare.dispose()
    }
  })
})

describe('watching the disk', () => {
  const watching = async (subscribe: Subscribe) => {
    const clock = new VirtualClock()
    const events: WatchEvent[] = []
    const warnings: ScanIssue[] = []
    const vault = await openNodeVault({
      root: disk.root,
      codec: nodeCodec,
      clock,
      subscribe,
      onWarning: (issue) => warnings.push(issue),
    })
    const stop = await vault.watch((event) => events.push(event))
    return { clock, events, warnings, vault, stop }
  }
  const limit = Object.assign(new Error('inotify_add_watch failed'), { code: 'ENOSPC' })

  it('scans every 10 s and says so when there is no watcher, until one can start', async () => {
    let broken = true
    const { clock, events, warnings, stop } = await watching(async () => {
      if (broken) throw limit
      return { unsubscribe: async () => undefined }
    })
    expect(warnings).toEqual([
      { path: '', reason: expect.stringMatching(/cannot be watched .*scanned every 10 seconds/) },
    ])
    await clock.advance(30_000)
    expect(events).toEqual([{ kind: 'rescan' }, { kind: 'rescan' }, { kind: 'rescan' }])
    broken = false
    await clock.advance(120_000)
    const before = events.length
    await clock.advance(600_000)
    expect(events.length).toBe(before)
    await stop()
    expect(clock.pending).toBe(0)
  })

  it('asks for a scan when the watcher loses track, and falls back to scans', async () => {
    let fail: () => void = () => undefined
    const unsubscribe = vi.fn(async () => undefined)
    const { clock, events, vault } = await watching(async (_folder, onEvents) => {
      fail = () => void onEvents(limit, [])
      return { unsubscribe }
    })
    fail()
    await clock.settle()
    expect(events).toEqual([{ kind: 'rescan' }])
    expect(unsubscribe).toHaveBeenCalledOnce()
    await clock.advance(10_000)
    expect(events).toHaveLength(2)
    await vault.close()
    await clock.advance(60_000)
    expect([events.length, clock.pending]).toEqual([2, 0])
  })

  it('asks for a scan when the vault’s folder itself is touched, or too much at once', async () => {
    let tell: (paths: string[]) => void = () => undefined
    const { events, vault } = await watching(async (_folder, onEvents) => {
      tell = (paths) =>
        void onEvents(
          null,
          paths.map((path) => ({ path })),
        )
      return { unsubscribe: async () => undefined }
    })
    tell([join(disk.root, 'a.md'), disk.root])
    tell(Array.from({ length: 6000 }, (_, i) => join(disk.root, `${i}.md`)))
    tell([dirname(disk.root), join(disk.root, '.git/HEAD'), join(disk.root, 'bell\u0007.md')])
    tell([join(disk.root, 'b.md'), join(disk.root, 'b.md')])
    expect(events).toEqual([{ kind: 'rescan' }, { kind: 'rescan' }, { kind: 'paths', paths: ['b.md'] }])
    await vault.close()
  })
})
