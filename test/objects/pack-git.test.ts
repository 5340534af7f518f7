import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { createWebCodec } from '../../src/adapters/web/web-codec.ts'
import type { Codec } from '../../src/objects/codec.ts'
import { decodeCommit, encodeCommit } from '../../src/objects/commit.ts'
import { createDelta } from '../../src/objects/delta.ts'
import { parseOid } from '../../src/objects/oid.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { encodePack } from '../../src/objects/pack.ts'
import type { PackEntry } from '../../src/objects/pack.ts'
import { encodePackIndex, PackIndex } from '../../src/objects/pack-index.ts'
import {
  bytesSource,
  completeThinPack,
  indexPack,
  readDeflatedEntry,
  readPackObject,
  readPackObjectInfo,
  streamPackEntry,
} from '../../src/objects/pack-reader.ts'
import type { PackBases, PackSource } from '../../src/objects/pack-reader.ts'
import { decodeTree, encodeTree } from '../../src/objects/tree.ts'
import { StockGit } from '../support/git.ts'
import { allObjects, aRepository } from '../support/git-history.ts'

/** For packs that hold all their bases. */
const noBase = async (): Promise<undefined> => undefined

const codecs: readonly (readonly [string, () => Promise<Codec>])[] = [
  ['node', async () => nodeCodec],
  ['web', createWebCodec],
]

describe.each(codecs)('packs of stock git, with the %s codec', (_, createCodec) => {
  let git: StockGit
  let objects: Map<string, GitObject>
  let codec: Codec
  beforeAll(async () => {
    codec = await createCodec()
    git = aRepository()
    objects = allObjects(git)
  }, 60_000)
  afterAll(() => git.dispose())

  /** The only pack, repacked with the options given, and its index. */
  function repack(...options: string[]): { pack: Uint8Array; index: Uint8Array } {
    git.run(...options, 'repack', '-adf', '--depth=50', '--window=50', '--quiet')
    const folder = join(git.dir, '.git/objects/pack')
    const packs = readdirSync(folder).filter((name) => name.endsWith('.pack'))
    expect(packs).toHaveLength(1)
    const pack = readFileSync(join(folder, packs[0]!))
    const index = readFileSync(join(folder, packs[0]!.replace(/pack$/, 'idx')))
    return { pack: new Uint8Array(pack), index: new Uint8Array(index) }
  }

  it.each([
    ['ofs-deltas', []],
    ['ref-deltas', ['-c', 'repack.useDeltaBaseOffset=false']],
    ['no compression', ['-c', 'pack.compression=0']],
  ])('[V9] indexes a pack with %s byte for byte as git does', async (_, options) => {
    const { pack, index } = repack(...options)
    const indexed = await indexPack(codec, bytesSource(pack), { resolveBase: noBase })
    expect(indexed.objects.filter((object) => object.delta).length).toBeGreaterThan(40)
    expect(new Set(indexed.objects.map((object) => object.oid))).toEqual(new Set(objects.keys()))
    for (const { oid, type, size, externalBase } of indexed.objects) {
      expect({ type, size, externalBase }).toEqual({
        type: objects.get(oid)!.type,
        size: objects.get(oid)!.content.length,
        externalBase: undefined,
      })
    }
    expect(Buffer.compare(encodePackIndex(codec, indexed.objects, indexed.packSha), index)).toBe(0)
  })

  it('reads every object of a pack, found through the index', async () => {
    for (const options of [[], ['-c', 'repack.useDeltaBaseOffset=false']]) {
      const { pack, index } = repack(...options)
      const source = bytesSource(pack)
      const packIndex = PackIndex.decode(codec, index)
      expect(packIndex.count).toBe(objects.size)
      expect([...packIndex.oids()]).toEqual([...objects.keys()].sort())
      const read = (oid: Oid): Promise<GitObject> =>
        readPackObject(codec, source, packIndex.find(oid)!, { byOid: read }, 1_000_000)
      const typeOf = async (oid: Oid) => (await info(oid)).type
      const info = (oid: Oid) => readPackObjectInfo(codec, source, packIndex.find(oid)!, { typeOf })
      let deltas = 0
      for (const [text, expected] of objects) {
        const oid = parseOid(text)
        const object = await read(oid)
        expect(object.type).toBe(expected.type)
        expect(Buffer.compare(object.content, expected.content)).toBe(0)
        expect(await info(oid)).toEqual({ type: expected.type, size: expected.content.length })
        const deflated = readDeflatedEntry(codec, source, packIndex.find(oid)!)
        if (!deflated) {
          deltas++
          continue
        }
        const { content, consumed } = codec.inflate(deflated.deflated, 0, deflated.size)
        expect(consumed).toBe(deflated.deflated.length)
        expect(Buffer.compare(content, expected.content)).toBe(0)
        const pieces: Uint8Array[] = []
        for await (const piece of streamPackEntry(codec, source, packIndex.find(oid)!)) pieces.push(piece)
        expect(Buffer.concat(pieces).equals(expected.content)).toBe(true)
      }
      expect(deltas).toBeGreaterThan(40)
      expect(packIndex.find(parseOid('0'.repeat(40)))).toBeUndefined()
      expect(packIndex.find(parseOid('f'.repeat(40)))).toBeUndefined()
    }
  })

  it('decodes every tree and commit, and encodes it again as it was', () => {
    for (const { type, content } of objects.values()) {
      if (type === 'tree') expect(Buffer.compare(encodeTree(decodeTree(content)), content)).toBe(0)
      if (type === 'commit') expect(Buffer.compare(encodeCommit(decodeCommit(content)), content)).toBe(0)
    }
  })

  it('[V9] writes a pack that stock git takes, strictly', () => {
    const entries = [...objects.values()].map(({ type, content }, i): PackEntry => {
      return { kind: 'full', type, size: content.length, deflated: codec.deflate(content, i % 2 === 0 ? 1 : 0) }
    })
    const pack = encodePack(codec, entries)
    const other = StockGit.create('--bare')
    try {
      other.runWith({ input: pack }, 'index-pack', '--strict', '--stdin')
      expect(allObjects(other)).toEqual(objects)
      other.run('fsck', '--strict', '--full')
    } finally {
      other.dispose()
    }
  })

  it('[V9] writes thin packs that stock git takes, and completes them itself', async () => {
    const [newer, older] = ['main:notes/long.md', 'main~5:notes/long.md'].map((name) =>
      parseOid(git.text('rev-parse', name)),
    )
    const delta = createDelta(objects.get(older!)!.content, objects.get(newer!)!.content)!
    const added = parseOid(git.text('rev-parse', 'main:side.md'))
    const { content } = objects.get(added)!
    const thin = encodePack(codec, [
      { kind: 'ref-delta', base: older!, size: delta.length, deflated: codec.deflate(delta, 1) },
      { kind: 'full', type: 'blob', size: content.length, deflated: codec.deflate(content, 1) },
    ])
    expect(thin.length).toBeLessThan(400)

    const other = StockGit.create('--bare')
    try {
      other.runWith({ input: objects.get(older!)!.content }, 'hash-object', '-w', '--stdin')
      other.runWith({ input: thin }, 'index-pack', '--strict', '--fix-thin', '--stdin')
      expect(other.run('cat-file', 'blob', newer!).equals(objects.get(newer!)!.content)).toBe(true)

      rmSync(join(other.dir, 'objects/pack'), { recursive: true })
      const resolveBase = async (oid: Oid): Promise<GitObject | undefined> => objects.get(oid)
      const source = bytesSource(thin)
      const indexed = await indexPack(codec, source, { resolveBase })
      expect(indexed.objects.map(({ oid, delta, externalBase }) => ({ oid, delta, externalBase }))).toEqual([
        { oid: newer, delta: true, externalBase: older },
        { oid: added, delta: false, externalBase: undefined },
      ])
      const whole = await completeThinPack(codec, source, indexed, resolveBase)
      const again = await indexPack(codec, bytesSource(whole.pack), { resolveBase: noBase })
      expect(again.packSha).toBe(whole.packSha)
      expect(again.objects.map(({ oid, offset, crc32 }) => ({ oid, offset, crc32 }))).toEqual(whole.entries)
      other.runWith({ input: whole.pack }, 'index-pack', '--strict', '--stdin')
      const file = join(other.dir, `objects/pack/pack-${whole.packSha}.idx`)
      expect(Buffer.compare(encodePackIndex(codec, whole.entries, whole.packSha), readFileSync(file))).toBe(0)
    } finally {
      other.dispose()
    }
  })

  it('leaves a pack that lacks nothing as it is', async () => {
    const { pack } = repack()
    const indexed = await indexPack(codec, bytesSource(pack), { resolveBase: noBase })
    const whole = await completeThinPack(codec, bytesSource(pack), indexed, noBase)
    expect(Buffer.compare(whole.pack, pack)).toBe(0)
    expect(whole.packSha).toBe(indexed.packSha)
  })

  it('indexes a thin pack of stock git against its bases', async () => {
    const thin = git.runWith({ input: 'main\n^main~4\n' }, 'pack-objects', '--revs', '--thin', '--stdout', '--quiet')
    const asked: Oid[] = []
    const resolveBase = async (oid: Oid): Promise<GitObject | undefined> => {
      asked.push(oid)
      return objects.get(oid)
    }
    const source = bytesSource(thin)
    const { objects: found } = await indexPack(codec, source, { resolveBase })
    expect(asked.length).toBeGreaterThan(0)
    expect(new Set(found.flatMap((object) => object.externalBase ?? []))).toEqual(new Set(asked))
    const byOid = async (oid: Oid): Promise<GitObject> => objects.get(oid)!
    for (const { oid, offset } of found) {
      const object = await readPackObject(codec, source, offset, { byOid }, 1_000_000)
      expect(Buffer.compare(object.content, objects.get(oid)!.content)).toBe(0)
    }
  })

  it('makes each object of a chain of deltas once when it may keep the bases', async () => {
    const files = repack()
    const pack = bytesSource(files.pack)
    const index = PackIndex.decode(codec, files.index)
    const byOid = (oid: Oid): Promise<GitObject> => Promise.reject(new Error(`${oid} is no base of another pack`))
    const kept = new Map<number, GitObject>()
    let read = 0
    const counted: PackSource = { size: pack.size, read: (offset, length) => (read++, pack.read(offset, length)) }
    const readAll = async (bases?: PackBases): Promise<number> => {
      read = 0
      for (const { oid, offset } of index.entries()) {
        const { type, content } = await readPackObject(
          codec,
          counted,
          offset,
          { byOid, ...(bases ? { bases } : {}) },
          1e6,
        )
        expect([type, Buffer.compare(content, objects.get(oid)!.content)]).toEqual([objects.get(oid)!.type, 0])
      }
      return read
    }
    const without = await readAll()
    const withBases = await readAll({
      get: (offset) => kept.get(offset),
      set: (offset, object) => void kept.set(offset, object),
    })
    expect(withBases).toBeLessThan(without / 2)
  })
})
