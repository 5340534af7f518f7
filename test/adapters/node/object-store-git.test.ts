import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openBareRepository } from '../../../src/adapters/node/bare-repository.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { NodeObjectStore } from '../../../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../../../src/adapters/node/node-ref-store.ts'
import type { GitObject, Oid } from '../../../src/objects/oid.ts'
import { encodePack } from '../../../src/objects/pack.ts'
import { StockGit } from '../../support/git.ts'
import {
  aBlob,
  aCommit,
  aTag,
  aTree,
  collected,
  deltaEntry,
  inChunks,
  noise,
  notes,
  oidOf,
  packOf,
} from '../../support/object-samples.ts'

async function aRepository() {
  const gitDir = path.join(fs.mkdtempSync(path.join(tmpdir(), 'tandem-store-')), 'vault.git')
  await openBareRepository(gitDir)
  const store = await NodeObjectStore.open(gitDir)
  onTestFinished(async () => {
    await store.close()
    fs.rmSync(path.dirname(gitDir), { recursive: true, force: true })
  })
  return { gitDir, store, refs: new NodeRefStore(gitDir), git: new StockGit(gitDir) }
}

async function put(store: NodeObjectStore, objects: readonly GitObject[]): Promise<Oid[]> {
  const batch = await store.begin()
  const oids: Oid[] = []
  for (const { type, content } of objects) oids.push(await batch.add(type, content))
  await batch.commit()
  return oids
}

/** A commit with so many files, and a large one. */
async function commitNotes(
  store: NodeObjectStore,
  refs: NodeRefStore,
  count: number,
  ref = 'refs/heads/main' as const,
) {
  const files = notes(count, `note of ${count}`)
  const content = noise(5_000_000, count)
  const large: GitObject = { type: 'blob', content }
  const tree = aTree(nodeCodec, {
    ...Object.fromEntries(files.map((file, i) => [`Note ${i}.md`, file])),
    'Größe.png': large,
  })
  const commit = aCommit(nodeCodec, tree)
  const batch = await store.begin()
  for (const { type, content } of [...files, tree, commit]) await batch.add(type, content)
  await batch.addStream(content.length, inChunks(content, 100_000), { compressed: true })
  await batch.commit()
  await refs.compareAndSwap(ref, await refs.read(ref), oidOf(nodeCodec, commit))
  return { objects: [...files, tree, commit], large, commit }
}

async function expectHolds(store: NodeObjectStore, objects: readonly GitObject[]): Promise<void> {
  for (const object of objects) {
    const read = await store.read(oidOf(nodeCodec, object))
    expect(read.type).toBe(object.type)
    expect(Buffer.compare(read.content, object.content)).toBe(0)
  }
}

const packsOf = (gitDir: string) =>
  fs.readdirSync(path.join(gitDir, 'objects/pack')).filter((name) => name.endsWith('.pack'))
const temporaryFiles = (gitDir: string) =>
  fs.readdirSync(gitDir, { recursive: true, encoding: 'utf8' }).filter((name) => path.basename(name).startsWith('tmp_'))

describe('a repository of ours under stock git', () => {
  it.each([5, 300])('[V9] passes git fsck --strict, and is cloned with every file, of %i notes', async (count) => {
    const { gitDir, store, refs, git } = await aRepository()
    const { commit, large } = await commitNotes(store, refs, count)
    await put(store, [aTag(nodeCodec, commit)])
    expect(git.text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
    const clone = path.join(path.dirname(gitDir), 'clone')
    git.run('clone', '--quiet', '--no-local', gitDir, clone)
    expect(fs.readdirSync(clone)).toHaveLength(count + 2)
    expect(Buffer.compare(fs.readFileSync(path.join(clone, 'Größe.png')), large.content)).toBe(0)
    expect(git.text('cat-file', '-t', oidOf(nodeCodec, commit))).toBe('commit')
    expect(git.text('count-objects', '-v')).toContain('garbage: 0')
  })

  it('[V9] keeps packs, thin or not, that git takes for its own', async () => {
    const { store, git } = await aRepository()
    const bases = notes(100, 'base').map(({ content }) => aBlob(Buffer.from(content).toString().repeat(5)))
    await store.writePack(inChunks(packOf(nodeCodec, bases)))
    const targets = bases.map((base, i) => aBlob(`${Buffer.from(base.content).toString()}and more ${i}\n`))
    await store.writePack(
      encodePack(
        nodeCodec,
        targets.map((target, i) => deltaEntry(nodeCodec, bases[i]!, target)),
      ),
    )
    expect(git.text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
    expect(git.text('cat-file', 'blob', oidOf(nodeCodec, targets[7]!))).toBe(
      Buffer.from(targets[7]!.content).toString().replace(/\n$/, ''),
    )
  })

  it('reads what stock git wrote: deltas, tags, loose objects of level 9', async () => {
    const { gitDir, store, git } = await aRepository()
    const text = 'a line of the first version\n'.repeat(300)
    for (let version = 0; version < 30; version++) {
      const input = `blob\nmark :1\ndata ${Buffer.byteLength(text) + 3}\n${text}${String(version).padStart(3, '0')}\ncommit refs/heads/main\ncommitter A <a@example.org> ${1_700_000_000 + version} +0000\ndata 1\nx\n${version ? 'from refs/heads/main^0\n' : ''}M 100644 :1 a.md\n\n`
      git.runWith({ input }, 'fast-import', '--quiet')
    }
    git.run('-c', 'core.compression=9', 'gc', '--quiet', '--aggressive', '--prune=now')
    const oids = git.text('rev-list', '--objects', '--no-object-names', 'main').split('\n') as Oid[]
    expect(oids).toHaveLength(90)
    for (const oid of oids) {
      const { type, content } = await store.read(oid)
      expect(Buffer.compare(git.run('cat-file', type, oid), content)).toBe(0)
      expect(await store.info(oid)).toEqual({ type, size: content.length })
    }
    const loose = git
      .runWith({ input: text }, '-c', 'core.compression=9', 'hash-object', '-w', '--stdin')
      .toString()
      .trim() as Oid
    expect(Buffer.from((await store.read(loose)).content).toString()).toBe(text)
    expect(packsOf(gitDir)).toHaveLength(1)
  })

  it('is read by the same instance after git gc --prune=now took every loose object and pack away', async () => {
    const { gitDir, store, refs, git } = await aRepository()
    const first = await commitNotes(store, refs, 300)
    const second = await commitNotes(store, refs, 20, 'refs/heads/other' as never)
    await expectHolds(store, first.objects)
    const before = packsOf(gitDir)
    git.run('gc', '--quiet', '--prune=now')
    expect(packsOf(gitDir)).not.toEqual(before)
    expect(git.text('count-objects')).toMatch(/^0 objects/)
    await expectHolds(store, [...first.objects, ...second.objects])
    for (const { large } of [first, second]) {
      expect(Buffer.compare(await collected(store.stream(oidOf(nodeCodec, large))), large.content)).toBe(0)
    }
    expect(await store.missing(first.objects.map((object) => oidOf(nodeCodec, object)))).toEqual([])
    await commitNotes(store, refs, 40)
    git.run('gc', '--quiet', '--prune=now')
    await expectHolds(store, second.objects)
    expect(git.text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
  })

  it('writes an object again that git gc --prune=now took away', async () => {
    const { gitDir, store, refs, git } = await aRepository()
    await commitNotes(store, refs, 3)
    const unreachable = notes(100, 'unreachable')
    await put(store, unreachable)
    // By then its index is known to the store.
    await expectHolds(store, unreachable)
    git.run('gc', '--quiet', '--prune=now')
    await put(store, unreachable)
    await expectHolds(await NodeObjectStore.open(gitDir), unreachable)
    git.run('gc', '--quiet', '--prune=now')
    await store.writePack(packOf(nodeCodec, unreachable))
    await expectHolds(await NodeObjectStore.open(gitDir), unreachable)
  })

  it('keeps what no ref reaches through a git gc without options', async () => {
    const { gitDir, store, refs, git } = await aRepository()
    await commitNotes(store, refs, 3)
    const unreachable = notes(100, 'a merge to come')
    await put(store, unreachable)
    const old = new Date(Date.now() - 90 * 24 * 60 * 60 * 1000)
    for (const name of fs.readdirSync(path.join(gitDir, 'objects/pack')))
      fs.utimesSync(path.join(gitDir, 'objects/pack', name), old, old)
    git.run('gc', '--quiet')
    await expectHolds(store, unreachable)
  })
})

describe('opening a bare repository', () => {
  it('does nothing the second time, and goes on with one that git made', async () => {
    const { gitDir, store, refs } = await aRepository()
    const { objects } = await commitNotes(store, refs, 3)
    fs.writeFileSync(
      path.join(gitDir, 'config'),
      `${fs.readFileSync(path.join(gitDir, 'config'), 'utf8')}[user]\n\tname = Me\n`,
    )
    await openBareRepository(gitDir)
    await expectHolds(await NodeObjectStore.open(gitDir), objects)
    expect(fs.readFileSync(path.join(gitDir, 'config'), 'utf8')).toContain('name = Me')

    const made = StockGit.create('--bare')
    onTestFinished(() => made.dispose())
    await openBareRepository(made.dir)
  })

  it.each([
    ['a folder with other files', (folder: string) => fs.writeFileSync(path.join(folder, 'note.md'), 'mine')],
    ['a vault', (folder: string) => fs.mkdirSync(path.join(folder, '.obsidian'))],
    [
      'a repository that is not bare',
      (folder: string) =>
        new StockGit(folder).run(
          'init',
          '--quiet',
          '--separate-git-dir',
          path.join(folder, 'g'),
          path.join(folder, 'w'),
        ),
    ],
  ])('refuses %s and touches nothing', async (_, prepare) => {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'tandem-other-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true }))
    prepare(folder)
    const target = fs.existsSync(path.join(folder, 'g')) ? path.join(folder, 'g') : folder
    const before = fs.readdirSync(target, { recursive: true })
    await expect(openBareRepository(target)).rejects.toMatchObject({ name: 'StoreError', code: 'not-a-repository' })
    expect(fs.readdirSync(target, { recursive: true })).toEqual(before)
  })

  it('adds what it lacks of our settings for git gc, once, and leaves what somebody chose', async () => {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'tandem-older-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true }))
    const git = new StockGit(folder)
    git.run('init', '--quiet', '--bare', '.')
    git.run('config', 'gc.pruneExpire', '3.months.ago')
    await openBareRepository(folder)
    const config = fs.readFileSync(path.join(folder, 'config'))
    await openBareRepository(folder)
    expect(fs.readFileSync(path.join(folder, 'config')).equals(config)).toBe(true)
    const settings = ['gc.auto', 'gc.pruneExpire', 'maintenance.auto', 'receive.autogc', 'core.bigFileThreshold']
    expect(settings.map((name) => git.text('config', name))).toEqual(['0', '3.months.ago', 'false', 'false', '4m'])
    git.run('gc', '--quiet', '--auto')
  })

  it('completes one whose creation was interrupted', async () => {
    const folder = fs.mkdtempSync(path.join(tmpdir(), 'tandem-half-'))
    onTestFinished(() => fs.rmSync(folder, { recursive: true }))
    fs.mkdirSync(path.join(folder, 'objects/info'), { recursive: true })
    fs.writeFileSync(path.join(folder, 'description'), 'x')
    await openBareRepository(folder)
    expect(new StockGit(folder).text('rev-parse', '--is-bare-repository')).toBe('true')
    expect(new StockGit(folder).text('symbolic-ref', 'HEAD')).toBe('refs/heads/main')
  })
})

describe('repacking', () => {
  it('merges small packs and loose objects into one, keeps large blobs loose, and loses nothing', async () => {
    const { gitDir, store, refs, git } = await aRepository()
    const all: GitObject[] = []
    const { objects, large } = await commitNotes(store, refs, 10)
    all.push(...objects)
    for (let i = 0; i < 6; i++) {
      const some = notes(80, `pack ${i}`)
      await put(store, some)
      all.push(...some)
    }
    const bases = notes(80, 'a long note with enough text to be worth a delta')
    await put(store, bases)
    all.push(...bases)
    const targets = bases.map(({ content }) => aBlob(`${Buffer.from(content).toString().repeat(2)} edited`))
    await store.writePack(
      encodePack(
        nodeCodec,
        targets.map((target, i) => deltaEntry(nodeCodec, bases[i]!, target)),
      ),
    )
    all.push(...targets)
    expect(await store.repack({ packs: 50, loose: 2000 })).toEqual({ kind: 'nothing-to-do' })
    expect(await store.repack({ packs: 5, loose: 2000 })).toEqual({
      kind: 'merged',
      packs: 8,
      loose: 12,
      objects: all.length,
    })
    expect(packsOf(gitDir)).toHaveLength(1)
    expect(git.text('count-objects')).toMatch(/^1 objects/)
    for (const instance of [store, await NodeObjectStore.open(gitDir)]) {
      await expectHolds(instance, all)
      expect(Buffer.compare(await collected(instance.stream(oidOf(nodeCodec, large))), large.content)).toBe(0)
    }
    expect(git.text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
    expect(git.text('count-objects', '-v')).toContain('garbage: 0')
    expect(await store.repack({ packs: 0, loose: 0 })).toEqual({ kind: 'nothing-to-do' })
  })

  it('survives two packs that hold the same two objects as deltas of each other', async () => {
    const { store, git } = await aRepository()
    const one = aBlob('the same long text in both of them\n'.repeat(50))
    const two = aBlob(`${'the same long text in both of them\n'.repeat(50)}but for the end\n`)
    const first = notes(70, 'first')
    const second = notes(70, 'second')
    const deltas = (base: GitObject, target: GitObject, others: readonly GitObject[]) =>
      encodePack(nodeCodec, [
        deltaEntry(nodeCodec, base, target),
        ...[base, ...others].map(({ type, content }) => ({
          kind: 'full' as const,
          type,
          size: content.length,
          deflated: nodeCodec.deflate(content, 1),
        })),
      ])
    await store.writePack(deltas(one, two, first))
    await store.writePack(deltas(two, one, second))
    expect(await store.repack({ packs: 1, loose: 0 })).toMatchObject({ kind: 'merged', packs: 2, objects: 142 })
    await expectHolds(store, [one, two, ...first, ...second])
    expect(git.text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
  })

  it('leaves a damaged pack and a kept one alone', async () => {
    const { gitDir, store } = await aRepository()
    for (const label of ['a', 'b', 'c', 'd']) await put(store, notes(80, label))
    const [damaged, kept] = packsOf(gitDir).map((name) => path.join(gitDir, 'objects/pack', name))
    fs.chmodSync(damaged!, 0o644)
    const bytes = fs.readFileSync(damaged!)
    bytes[bytes.length >> 1]! ^= 1
    fs.writeFileSync(damaged!, bytes)
    fs.writeFileSync(kept!.replace('.pack', '.keep'), '')
    expect(await store.repack({ packs: 2, loose: 0 })).toMatchObject({ kind: 'merged', packs: 2 })
    expect(packsOf(gitDir)).toHaveLength(3)
    expect(fs.existsSync(damaged!) && fs.existsSync(kept!)).toBe(true)
  })
})

describe('damage and failures', () => {
  it('refuses to hand out a damaged object, and takes another copy where there is one', async () => {
    const { gitDir, store } = await aRepository()
    const note = aBlob('an object with two copies\n'.repeat(30))
    const oid = oidOf(nodeCodec, note)
    await put(store, [note])
    const file = path.join(gitDir, 'objects', oid.slice(0, 2), oid.slice(2))
    fs.chmodSync(file, 0o644)
    fs.writeFileSync(file, nodeCodec.deflate(Buffer.from('blob 3\0abc'), 1))
    await expect(store.read(oid)).rejects.toMatchObject({ name: 'CorruptObjectError', code: 'hash-mismatch' })
    fs.writeFileSync(file, 'junk')
    await expect(store.read(oid)).rejects.toMatchObject({ name: 'CorruptObjectError' })
    const other = StockGit.create()
    onTestFinished(() => other.dispose())
    other.runWith({ input: note.content }, 'hash-object', '-w', '--stdin')
    other.runWith({ input: `${oid}\n` }, 'pack-objects', '--quiet', path.join(gitDir, 'objects/pack/pack'))
    await expectHolds(store, [note])
  })

  it('copies no damaged object out of a pack into another', async () => {
    const { gitDir, store } = await aRepository()
    const objects = notes(100)
    await put(store, objects)
    const oids = objects.map((object) => oidOf(nodeCodec, object))
    const file = path.join(gitDir, 'objects/pack', packsOf(gitDir)[0]!)
    const bytes = fs.readFileSync(file)
    bytes[Math.floor(bytes.length / 2)]! ^= 0x10
    fs.chmodSync(file, 0o644)
    fs.writeFileSync(file, bytes)
    const reopened = await NodeObjectStore.open(gitDir)
    const copies = await Promise.allSettled(oids.map((oid) => reopened.readDeflated(oid)))
    const failed = copies.filter((copy) => copy.status === 'rejected')
    expect(failed.map(({ reason }) => (reason as Error).name)).toEqual(['CorruptObjectError'])
    const sound = copies.flatMap((copy) => (copy.status === 'fulfilled' && copy.value ? [copy.value] : []))
    expect(sound).toHaveLength(99)
    for (const { deflated, size } of sound) expect(() => nodeCodec.inflate(deflated, 0, size)).not.toThrow()
    expect(await reopened.missing(oids)).toHaveLength(1)
  })

  it('indexes a pack anew whose index is missing or damaged', async () => {
    const { gitDir, store } = await aRepository()
    await put(store, notes(100, 'a'))
    await put(store, notes(100, 'b'))
    const [one, two] = packsOf(gitDir).map((name) => path.join(gitDir, 'objects/pack', name.replace('.pack', '.idx')))
    fs.unlinkSync(one!)
    fs.chmodSync(two!, 0o644)
    fs.writeFileSync(two!, 'junk')
    const reopened = await NodeObjectStore.open(gitDir)
    await expectHolds(reopened, [...notes(100, 'a'), ...notes(100, 'b')])
    expect(new StockGit(gitDir).text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
  })

  it.each(['few', 'many', 'large', 'pack', 'reception'])(
    'says that the disk is full, leaves nothing behind, and goes on later: %s',
    async (what) => {
      const { gitDir, store } = await aRepository()
      const objects = notes(what === 'few' ? 5 : 400)
      const content = noise(5_000_000)
      const large: GitObject = { type: 'blob', content }
      const store1 = async (): Promise<void> => {
        if (what === 'pack') return void (await store.writePack(packOf(nodeCodec, objects)))
        if (what === 'reception') {
          const reception = await store.receiveLarge(oidOf(nodeCodec, large), content.length)
          try {
            await reception.write(content.subarray(reception.received))
            return await reception.finish()
          } finally {
            await reception.pause()
          }
        }
        const batch = await store.begin()
        try {
          for (const { type, content } of what === 'large' ? [] : objects) await batch.add(type, content)
          if (what === 'large') await batch.addStream(content.length, inChunks(content, 100_000))
          await batch.commit()
        } finally {
          await batch.abort()
        }
      }
      const write = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
        throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC', errno: -28, syscall: 'write' })
      })
      await expect(store1()).rejects.toMatchObject({ name: 'StoreError', code: 'disk-full' })
      write.mockRestore()
      expect(temporaryFiles(gitDir)).toEqual([])
      expect(packsOf(gitDir)).toEqual([])
      await store1()
      await (what === 'large' || what === 'reception'
        ? collected(store.stream(oidOf(nodeCodec, large)))
        : expectHolds(store, objects))
      expect(temporaryFiles(gitDir)).toEqual([])
    },
  )

  it('gives descriptors back when the process has none left', async () => {
    const { store } = await aRepository()
    await put(store, notes(100, 'a'))
    await put(store, notes(100, 'b'))
    await expectHolds(store, notes(1, 'a'))
    const open = fs.openSync
    let refusals = 1
    const spy = vi.spyOn(fs, 'openSync').mockImplementation((...args: Parameters<typeof open>) => {
      if (refusals-- > 0)
        throw Object.assign(new Error('too many open files'), { code: 'EMFILE', errno: -24, syscall: 'open' })
      return open(...args)
    })
    await expectHolds(store, notes(100, 'b'))
    spy.mockRestore()
    await expectHolds(store, notes(100, 'a'))
  })

  it('refuses everything after it is closed', async () => {
    const { gitDir } = await aRepository()
    const store = await NodeObjectStore.open(gitDir)
    await store.close()
    await expect(store.read('a'.repeat(40) as Oid)).rejects.toMatchObject({ code: 'closed' })
    await expect(store.begin()).rejects.toMatchObject({ code: 'closed' })
  })

  it('removes temporary files of processes that are gone, and partial receptions after 30 days, but not those of now', async () => {
    const { gitDir, store } = await aRepository()
    const pack = path.join(gitDir, 'objects/pack')
    fs.writeFileSync(path.join(pack, 'tmp_pack_tandem_999999999_00000000_0'), 'x')
    fs.writeFileSync(path.join(pack, 'tmp_pack_of_git'), 'x')
    fs.writeFileSync(path.join(pack, 'tmp_pack_of_git_long_ago'), 'x')
    const long = new Date(Date.now() - 40 * 24 * 60 * 60 * 1000)
    fs.utimesSync(path.join(pack, 'tmp_pack_of_git_long_ago'), long, long)
    for (const oid of ['a', 'b']) {
      const reception = await store.receiveLarge(oid.repeat(40) as Oid, 100)
      await reception.write(new Uint8Array(50))
      await reception.pause()
    }
    fs.utimesSync(path.join(gitDir, 'tandem-partial', `${'a'.repeat(40)}.100`), long, long)
    const reopened = await NodeObjectStore.open(gitDir)
    expect(fs.readdirSync(pack)).toEqual(['tmp_pack_of_git'])
    expect((await reopened.receiveLarge('a'.repeat(40) as Oid, 100)).received).toBe(0)
    expect((await reopened.receiveLarge('b'.repeat(40) as Oid, 100)).received).toBe(50)
  })
})
