import { describe, expect, it, onTestFinished } from 'vitest'
import type { Codec } from '../../src/objects/codec.ts'
import { encodePack } from '../../src/objects/pack.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { LARGE_BLOB } from '../../src/ports/object-store.ts'
import type { ObjectStore } from '../../src/ports/object-store.ts'
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
  wholeEntry,
} from '../support/object-samples.ts'

/** Where a store keeps its data. `open` without closing the instance before is what a crash and a restart do. */
export interface ObjectStorePlace {
  open(): Promise<ObjectStore>
  /** Changes bytes of everything that is stored, as a failing disk does. */
  damage(): Promise<void>
  dispose(): Promise<void>
}

/** Changes every byte of a pack or a loose object but those that say what kind of file it is. */
export function damaged(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte, at) => (at < 12 || at >= bytes.length - 20 ? byte : byte ^ 0x55))
}

const ABSENT = 'e'.repeat(40) as Oid
const LARGE_SIZE = LARGE_BLOB + 1_000_003

/** What every {@link ObjectStore} must do. */
export function objectStoreContract(
  name: string,
  createCodec: () => Promise<Codec>,
  createPlace: () => Promise<ObjectStorePlace>,
): void {
  const setUp = async () => {
    const codec = await createCodec()
    const place = await createPlace()
    onTestFinished(() => place.dispose())
    return { codec, place, store: await place.open() }
  }
  const put = async (store: ObjectStore, objects: readonly GitObject[]): Promise<Oid[]> => {
    const batch = await store.begin()
    const oids: Oid[] = []
    for (const { type, content } of objects) oids.push(await batch.add(type, content))
    await batch.commit()
    return oids
  }
  const expectHolds = async (store: ObjectStore, codec: Codec, objects: readonly GitObject[]) => {
    for (const object of objects) {
      const read = await store.read(oidOf(codec, object))
      expect(read.type).toBe(object.type)
      expect(Buffer.compare(read.content, object.content)).toBe(0)
    }
  }

  describe(`object store contract: ${name}`, () => {
    describe('damage', () => {
      it.each([1, 200])(
        'is an absence from when it is found, and heals with what comes next: %i objects',
        async (count) => {
          const { codec, place, store } = await setUp()
          const objects = notes(count, 'a longer text, that every byte of it may be wrong\n'.repeat(3))
          const oids = await put(store, objects)
          await store.close()
          await place.damage()
          const reopened = await place.open()
          for (const oid of oids) {
            await expect(reopened.read(oid)).rejects.toMatchObject({ name: 'CorruptObjectError' })
            expect(await reopened.has(oid)).toBe(false)
            expect(await reopened.info(oid)).toBeUndefined()
            await expect(reopened.read(oid)).rejects.toMatchObject({ code: 'missing-object' })
          }
          expect(await reopened.missing(oids)).toEqual(oids)
          const half = Math.floor(count / 2)
          await put(reopened, objects.slice(0, half))
          await reopened.writePack(packOf(codec, objects.slice(half)))
          for (const instance of [reopened, await place.open()]) {
            expect(await instance.missing(oids)).toEqual([])
            await expectHolds(instance, codec, objects)
          }
        },
      )

      it('of a large blob is an absence from when it was streamed, and heals with the next reception', async () => {
        const { codec, place, store } = await setUp()
        const content = noise(LARGE_SIZE)
        const batch = await store.begin()
        const oid = await batch.addStream(LARGE_SIZE, inChunks(content, 65536))
        await batch.commit()
        await store.close()
        await place.damage()
        const reopened = await place.open()
        await expect(collected(reopened.stream(oid))).rejects.toMatchObject({ name: 'CorruptObjectError' })
        expect(await reopened.has(oid)).toBe(false)
        const reception = await reopened.receiveLarge(oid, LARGE_SIZE)
        expect(reception.received).toBe(0)
        await reception.write(content)
        await reception.finish()
        for (const instance of [reopened, await place.open()])
          expect(oidOf(codec, { type: 'blob', content: await collected(instance.stream(oid)) })).toBe(oid)
      })
    })

    describe('batches', () => {
      it('gives back every type of object as it was, before and after a restart', async () => {
        const { codec, place, store } = await setUp()
        const note = aBlob('# Hello\n')
        const tree = aTree(codec, { 'Hello.md': note, 'Empty.md': aBlob('') })
        const commit = aCommit(codec, tree)
        const objects = [
          note,
          aBlob(''),
          { type: 'blob' as const, content: noise(70_000) },
          tree,
          aTree(codec, {}),
          commit,
          aTag(codec, commit),
        ]
        expect(await put(store, objects)).toEqual(objects.map((object) => oidOf(codec, object)))
        for (const instance of [store, await place.open()]) {
          await expectHolds(instance, codec, objects)
          for (const object of objects) {
            expect(await instance.info(oidOf(codec, object))).toEqual({
              type: object.type,
              size: object.content.length,
            })
          }
        }
      })

      it('takes thousands of objects in one batch', async () => {
        const { codec, place, store } = await setUp()
        const objects = notes(3000)
        await put(store, objects)
        const reopened = await place.open()
        expect(await reopened.missing(objects.map((object) => oidOf(codec, object)))).toEqual([])
        await expectHolds(reopened, codec, objects.slice(0, 200))
      })

      it('keeps compressed content as it is', async () => {
        const { place, store } = await setUp()
        const batch = await store.begin()
        const content = noise(100_000)
        const oid = await batch.add('blob', content, { compressed: true })
        await batch.commit()
        expect(Buffer.compare((await (await place.open()).read(oid)).content, content)).toBe(0)
      })

      it('shows nothing of a batch before it is committed', async () => {
        const { codec, store } = await setUp()
        const batch = await store.begin()
        const oid = await batch.add('blob', aBlob('soon').content)
        expect(await store.has(oid)).toBe(false)
        await expect(store.read(oid)).rejects.toMatchObject({ code: 'missing-object' })
        await batch.commit()
        await expectHolds(store, codec, [aBlob('soon')])
      })

      it.each([1, 200])('forgets a batch of %i objects that was aborted', async (count) => {
        const { codec, place, store } = await setUp()
        const batch = await store.begin()
        const objects = notes(count)
        for (const { type, content } of objects) await batch.add(type, content)
        await batch.addStream(LARGE_SIZE, inChunks(new Uint8Array(LARGE_SIZE), 65536))
        await batch.abort()
        const oids = objects.map((object) => oidOf(codec, object))
        expect(await store.missing(oids)).toEqual(oids)
        expect(await (await place.open()).missing(oids)).toEqual(oids)
      })

      it.each([1, 200])('forgets a batch of %i objects that a crash cut off', async (count) => {
        const { codec, place, store } = await setUp()
        const batch = await store.begin()
        const objects = notes(count)
        for (const { type, content } of objects) await batch.add(type, content)
        const oids = objects.map((object) => oidOf(codec, object))
        expect(await (await place.open()).missing(oids)).toEqual(oids)
      })

      it('lets a second batch wait for the first one to end', async () => {
        const { store } = await setUp()
        const first = await store.begin()
        const order: string[] = []
        const second = store.begin().then((batch) => {
          order.push('second began')
          return batch
        })
        await first.add('blob', aBlob('one').content)
        order.push('first commits')
        await first.commit()
        await (await second).abort()
        const third = await store.begin()
        await third.commit()
        expect(order).toEqual(['first commits', 'second began'])
      })

      it('takes an abort after the commit, and refuses all else', async () => {
        const { codec, store } = await setUp()
        const batch = await store.begin()
        await batch.add('blob', aBlob('kept').content)
        await batch.commit()
        await batch.abort()
        await expect(batch.add('blob', aBlob('late').content)).rejects.toThrow()
        await expect(batch.commit()).rejects.toThrow()
        await expectHolds(store, codec, [aBlob('kept')])
      })

      it('takes the same object twice, in one batch and in two', async () => {
        const { codec, store } = await setUp()
        const [one, two] = await put(store, [aBlob('same'), aBlob('same')])
        expect(one).toBe(two)
        await put(store, [aBlob('same'), aBlob('other')])
        await expectHolds(store, codec, [aBlob('same'), aBlob('other')])
      })

      it('is not confused by bytes that the caller goes on using', async () => {
        const { store } = await setUp()
        const batch = await store.begin()
        const bytes = aBlob('before').content
        const oid = await batch.add('blob', bytes)
        bytes.fill(0)
        await batch.commit()
        expect(Buffer.from((await store.read(oid)).content).toString()).toBe('before')
      })
    })

    describe('looking up', () => {
      it('names what is missing, in the order asked and once', async () => {
        const { codec, store } = await setUp()
        const [here] = await put(store, [aBlob('here')])
        const gone = oidOf(codec, aBlob('gone'))
        expect(await store.missing([ABSENT, here!, gone, ABSENT, here!])).toEqual([ABSENT, gone])
        expect(await store.missing([])).toEqual([])
        expect(await store.missing([here!])).toEqual([])
        expect(await store.has(here!)).toBe(true)
        expect(await store.has(gone)).toBe(false)
      })

      it('names what is missing among many, loose and packed', async () => {
        const { codec, store } = await setUp()
        const many = notes(1000)
        const few = notes(10, 'few')
        await put(store, many)
        await put(store, few)
        const absent = notes(500, 'absent').map((object) => oidOf(codec, object))
        expect(await store.missing([...[...few, ...many].map((object) => oidOf(codec, object)), ...absent])).toEqual(
          absent,
        )
      })

      it('says so when an object is not there', async () => {
        const { store } = await setUp()
        expect(await store.info(ABSENT)).toBeUndefined()
        expect(await store.readDeflated(ABSENT)).toBeUndefined()
        await expect(store.read(ABSENT)).rejects.toMatchObject({ code: 'missing-object', oid: ABSENT })
        await expect(collected(store.stream(ABSENT))).rejects.toMatchObject({ code: 'missing-object' })
      })

      it('hands out the compressed form of an object, or none', async () => {
        const { codec, store } = await setUp()
        const objects = notes(300)
        await put(store, objects)
        for (const object of objects.slice(0, 20)) {
          const found = await store.readDeflated(oidOf(codec, object))
          if (!found) continue
          expect({ type: found.type, size: found.size }).toEqual({ type: object.type, size: object.content.length })
          expect(Buffer.compare(codec.inflate(found.deflated, 0, found.size).content, object.content)).toBe(0)
        }
      })

      it('streams a small object, from any byte on', async () => {
        const { store } = await setUp()
        const content = noise(200_000)
        const [oid] = await put(store, [{ type: 'blob', content }])
        for (const offset of [0, 1, 65_536, 199_999, 200_000, 300_000]) {
          expect(Buffer.compare(await collected(store.stream(oid!, offset)), content.subarray(offset))).toBe(0)
        }
      })
    })

    describe('large blobs', () => {
      it('[E7] takes and gives them as streams, and only as streams', async () => {
        const { codec, place, store } = await setUp()
        const content = noise(LARGE_SIZE)
        const oid = oidOf(codec, { type: 'blob', content })
        const batch = await store.begin()
        expect(await batch.addStream(LARGE_SIZE, inChunks(content, 100_000))).toBe(oid)
        await batch.commit()
        for (const instance of [store, await place.open()]) {
          expect(await instance.info(oid)).toEqual({ type: 'blob', size: LARGE_SIZE })
          expect(await instance.missing([oid])).toEqual([])
          await expect(instance.read(oid)).rejects.toMatchObject({ code: 'too-large' })
          expect(await instance.readDeflated(oid)).toBeUndefined()
          for (const offset of [0, 1_048_576, 3_000_001, LARGE_SIZE - 1]) {
            expect(Buffer.compare(await collected(instance.stream(oid, offset)), content.subarray(offset))).toBe(0)
          }
        }
      })

      it('hands them out in chunks of at most 64 KiB, and can be left in the middle', async () => {
        const { store } = await setUp()
        const batch = await store.begin()
        const oid = await batch.addStream(LARGE_SIZE, inChunks(new Uint8Array(LARGE_SIZE), 1_000_000))
        await batch.commit()
        let chunks = 0
        for await (const chunk of store.stream(oid)) {
          expect(chunk.length).toBeLessThanOrEqual(64 * 1024)
          if (++chunks === 10) break
        }
        expect(chunks).toBe(10)
      })

      it.each([
        ['short', LARGE_SIZE - 1],
        ['long', LARGE_SIZE + 1],
      ])('refuses a stream that is too %s, and the batch goes on', async (_, length) => {
        const { codec, store } = await setUp()
        const batch = await store.begin()
        await expect(batch.addStream(LARGE_SIZE, inChunks(new Uint8Array(length), 500_000))).rejects.toMatchObject({
          code: 'bad-object',
        })
        await batch.add('blob', aBlob('after').content)
        await batch.commit()
        await expectHolds(store, codec, [aBlob('after')])
        expect(await store.has(oidOf(codec, { type: 'blob', content: new Uint8Array(length) }))).toBe(false)
      })

      it('passes on what a stream throws', async () => {
        const { store } = await setUp()
        const batch = await store.begin()
        const broken = async function* () {
          yield new Uint8Array(1_000_000)
          throw new RangeError('the disk was pulled out')
        }
        await expect(batch.addStream(LARGE_SIZE, broken())).rejects.toThrow(RangeError)
        await batch.abort()
      })

      it('takes a small stream too', async () => {
        const { codec, store } = await setUp()
        const batch = await store.begin()
        await batch.addStream(5, inChunks(aBlob('small').content, 2))
        await batch.addStream(0, inChunks(new Uint8Array()))
        await expect(batch.addStream(3, inChunks(aBlob('small').content, 2))).rejects.toMatchObject({
          code: 'bad-object',
        })
        await batch.commit()
        await expectHolds(store, codec, [aBlob('small'), aBlob('')])
      })
    })

    describe('packs', () => {
      it.each([3, 500])('stores a pack of %i objects, whole or as a stream', async (count) => {
        const { codec, place, store } = await setUp()
        const one = notes(count, 'one')
        const two = notes(count, 'two')
        expect(await store.writePack(packOf(codec, one))).toEqual(one.map((object) => oidOf(codec, object)))
        expect(await store.writePack(inChunks(packOf(codec, two), 777))).toEqual(
          two.map((object) => oidOf(codec, object)),
        )
        for (const instance of [store, await place.open()]) {
          await expectHolds(instance, codec, one)
          await expectHolds(instance, codec, two)
        }
      })

      it('stores an empty pack, and one that it has already', async () => {
        const { codec, store } = await setUp()
        expect(await store.writePack(packOf(codec, []))).toEqual([])
        const objects = notes(100)
        const oids = objects.map((object) => oidOf(codec, object))
        expect(await store.writePack(packOf(codec, objects))).toEqual(oids)
        expect(await store.writePack(packOf(codec, objects))).toEqual(oids)
        await expectHolds(store, codec, objects)
      })

      it.each([1, 150])('completes a thin pack of %i deltas with the bases that it has', async (count) => {
        const { codec, place, store } = await setUp()
        const bases = Array.from({ length: count }, (_, i) => aBlob(`line of ${i}\n`.repeat(50)))
        const targets = bases.map((base, i) => aBlob(`${Buffer.from(base.content).toString()}and one more, ${i}\n`))
        await put(store, bases)
        const thin = encodePack(
          codec,
          targets.map((target, i) => deltaEntry(codec, bases[i]!, target)),
        )
        expect(await store.writePack(inChunks(thin))).toEqual(targets.map((target) => oidOf(codec, target)))
        const reopened = await place.open()
        await expectHolds(reopened, codec, targets)
        await expectHolds(reopened, codec, bases)
        expect(await reopened.info(oidOf(codec, targets[0]!))).toEqual({
          type: 'blob',
          size: targets[0]!.content.length,
        })
      })

      it('stores deltas whose base comes later in the same pack', async () => {
        const { codec, place, store } = await setUp()
        const base = aBlob('a line that repeats\n'.repeat(80))
        const target = aBlob(`${'a line that repeats\n'.repeat(80)}the end\n`)
        const filler = notes(100).map((object) => wholeEntry(codec, object))
        await store.writePack(encodePack(codec, [deltaEntry(codec, base, target), ...filler, wholeEntry(codec, base)]))
        await expectHolds(await place.open(), codec, [base, target])
      })

      it('[E7] streams a large blob that came in a pack', async () => {
        const { codec, place, store } = await setUp()
        const content = noise(LARGE_SIZE, 3)
        const objects = [...notes(2), { type: 'blob' as const, content }]
        await store.writePack(inChunks(packOf(codec, objects), 300_000))
        const oid = oidOf(codec, objects[2]!)
        for (const instance of [store, await place.open()]) {
          expect(await instance.info(oid)).toEqual({ type: 'blob', size: LARGE_SIZE })
          await expect(instance.read(oid)).rejects.toMatchObject({ code: 'too-large' })
          expect(Buffer.compare(await collected(instance.stream(oid, 1_234_567)), content.subarray(1_234_567))).toBe(0)
          expect(Buffer.compare(await collected(instance.stream(oid)), content)).toBe(0)
        }
      })

      it('[T2] keeps nothing of a pack whose delta has no base', async () => {
        const { codec, store } = await setUp()
        const base = aBlob('never sent\n'.repeat(30))
        const target = aBlob(`${'never sent\n'.repeat(30)}!`)
        const objects = notes(5)
        const pack = encodePack(codec, [
          ...objects.map((object) => wholeEntry(codec, object)),
          deltaEntry(codec, base, target),
        ])
        await expect(store.writePack(pack)).rejects.toMatchObject({ code: 'missing-base' })
        const oids = [...objects, target].map((object) => oidOf(codec, object))
        expect(await store.missing(oids)).toEqual(oids)
      })

      it.each([
        ['cut short', (pack: Uint8Array) => pack.subarray(0, pack.length - 30)],
        ['cut to nothing', () => new Uint8Array()],
        ['damaged in the middle', (pack: Uint8Array) => flipped(pack, pack.length >> 1)],
        ['damaged in its checksum', (pack: Uint8Array) => flipped(pack, pack.length - 1)],
        ['not a pack', (pack: Uint8Array) => flipped(pack, 0)],
        ['longer than it should be', (pack: Uint8Array) => Uint8Array.from([...pack, 0])],
      ])('[T2] keeps nothing of a pack that is %s', async (_, damage) => {
        const { codec, place, store } = await setUp()
        const objects = notes(200)
        const oids = objects.map((object) => oidOf(codec, object))
        const bad = damage(packOf(codec, objects))
        await expect(store.writePack(bad)).rejects.toMatchObject({ name: 'CorruptObjectError' })
        await expect(store.writePack(inChunks(bad))).rejects.toMatchObject({ name: 'CorruptObjectError' })
        expect(await store.missing(oids)).toEqual(oids)
        expect(await (await place.open()).missing(oids)).toEqual(oids)
      })

      it('[T2] keeps nothing of a pack whose stream breaks off', async () => {
        const { codec, store } = await setUp()
        const objects = notes(20_000)
        const pack = packOf(codec, objects)
        const broken = async function* () {
          yield* inChunks(pack.subarray(0, pack.length - 100), 100_000)
          throw new RangeError('the link broke')
        }
        await expect(store.writePack(broken())).rejects.toThrow(RangeError)
        expect(await store.has(oidOf(codec, objects[0]!))).toBe(false)
      })

      it('stores a pack while a batch is open', async () => {
        const { codec, store } = await setUp()
        const batch = await store.begin()
        await batch.add('blob', aBlob('batch').content)
        await store.writePack(packOf(codec, notes(100)))
        await batch.commit()
        await expectHolds(store, codec, [aBlob('batch'), ...notes(100)])
      })
    })

    describe('receptions of large blobs', () => {
      const content = noise(LARGE_SIZE, 9)

      it('makes an object of what arrives', async () => {
        const { codec, place, store } = await setUp()
        const oid = oidOf(codec, { type: 'blob', content })
        const reception = await store.receiveLarge(oid, LARGE_SIZE)
        expect(reception.received).toBe(0)
        for await (const chunk of inChunks(content, 65_536)) await reception.write(chunk)
        expect(reception.received).toBe(LARGE_SIZE)
        expect(await store.has(oid)).toBe(false)
        await reception.finish()
        expect(await store.info(oid)).toEqual({ type: 'blob', size: LARGE_SIZE })
        expect(Buffer.compare(await collected((await place.open()).stream(oid)), content)).toBe(0)
      })

      it('goes on after a pause, in the same instance and after a restart', async () => {
        const { codec, place, store } = await setUp()
        const oid = oidOf(codec, { type: 'blob', content })
        const first = await store.receiveLarge(oid, LARGE_SIZE)
        await first.write(content.subarray(0, 1_500_000))
        await first.pause()
        const second = await store.receiveLarge(oid, LARGE_SIZE)
        expect(second.received).toBe(1_500_000)
        await second.write(content.subarray(1_500_000, 1_500_001))
        await second.pause()
        const reopened = await place.open()
        const third = await reopened.receiveLarge(oid, LARGE_SIZE)
        expect(third.received).toBe(1_500_001)
        await third.write(content.subarray(1_500_001))
        await third.finish()
        expect(Buffer.compare(await collected(reopened.stream(oid)), content)).toBe(0)
      })

      it('goes on after a crash with at least all but the last megabyte', async () => {
        const { codec, place, store } = await setUp()
        const oid = oidOf(codec, { type: 'blob', content })
        const first = await store.receiveLarge(oid, LARGE_SIZE)
        for await (const chunk of inChunks(content.subarray(0, 3_000_000), 65_536)) await first.write(chunk)
        const reopened = await place.open()
        const second = await reopened.receiveLarge(oid, LARGE_SIZE)
        expect(second.received).toBeGreaterThan(3_000_000 - 1024 * 1024)
        expect(second.received).toBeLessThanOrEqual(3_000_000)
        await second.write(content.subarray(second.received))
        await second.finish()
        expect(Buffer.compare(await collected(reopened.stream(oid)), content)).toBe(0)
      })

      it('drops content that is not what was announced', async () => {
        const { codec, store } = await setUp()
        const oid = oidOf(codec, { type: 'blob', content })
        const reception = await store.receiveLarge(oid, LARGE_SIZE)
        await reception.write(flipped(content, 12_345))
        await expect(reception.finish()).rejects.toMatchObject({ code: 'hash-mismatch' })
        expect(await store.has(oid)).toBe(false)
        const again = await store.receiveLarge(oid, LARGE_SIZE)
        expect(again.received).toBe(0)
        await again.write(content)
        await again.finish()
        expect(await store.has(oid)).toBe(true)
      })

      it('refuses more bytes than announced, and to finish with fewer', async () => {
        const { codec, store } = await setUp()
        const reception = await store.receiveLarge(oidOf(codec, aBlob('abc')), 3)
        await reception.write(aBlob('ab').content)
        await expect(reception.finish()).rejects.toMatchObject({ code: 'bad-object' })
        await expect(reception.write(aBlob('cd').content)).rejects.toMatchObject({ code: 'bad-object' })
        expect(reception.received).toBe(2)
        await reception.write(aBlob('c').content)
        await reception.finish()
        await expectHolds(store, codec, [aBlob('abc')])
      })

      it('asks for nothing of a blob that is here', async () => {
        const { codec, store } = await setUp()
        const [oid] = await put(store, [aBlob('here')])
        const reception = await store.receiveLarge(oid!, 4)
        expect(reception.received).toBe(4)
        await reception.finish()
        await expectHolds(store, codec, [aBlob('here')])
      })

      it('refuses a second reception of the same blob while one is open', async () => {
        const { store } = await setUp()
        const first = await store.receiveLarge(ABSENT, 10)
        await expect(store.receiveLarge(ABSENT, 10)).rejects.toMatchObject({ code: 'busy' })
        await first.pause()
        await (await store.receiveLarge(ABSENT, 10)).pause()
      })
    })
  })
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at]! ^= 0x40
  return copy
}
