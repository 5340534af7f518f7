import { createHash } from 'node:crypto'
import { crc32 as zlibCrc32, deflateSync, gzipSync, inflateSync, constants } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Codec } from '../../src/objects/codec.ts'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import { seededRandom } from '../support/seeded-random.ts'

const NOISE = seededRandom(7).bytes(300_000)
const TEXT = encodeUtf8('All human beings are born free and equal in dignity and rights.\n'.repeat(5000))

/** What every {@link Codec} must do; Node's own zlib and crypto are the judges. */
export function codecContract(name: string, create: () => Promise<Codec>): void {
  describe(`codec contract: ${name}`, () => {
    it('hashes with SHA-1, piece by piece', async () => {
      const codec = await create()
      expect(codec.sha1().hex()).toBe('da39a3ee5e6b4b0d3255bfef95601890afd80709')
      const hasher = codec.sha1().update(TEXT).update(new Uint8Array(0)).update(NOISE)
      expect(hasher.hex()).toBe(createHash('sha1').update(TEXT).update(NOISE).digest('hex'))
    })

    it('keeps SHA-1 hashers that run at the same time apart', async () => {
      const codec = await create()
      const one = codec.sha1()
      const two = codec.sha1().update(encodeUtf8('t'))
      one.update(encodeUtf8('o'))
      codec.sha1().update(NOISE)
      two.update(encodeUtf8('wo'))
      expect(codec.sha1().update(encodeUtf8('three')).hex()).toBe(sha1('three'))
      one.update(encodeUtf8('ne'))
      expect(two.hex()).toBe(sha1('two'))
      expect(one.hex()).toBe(sha1('one'))
    })

    it('refuses a SHA-1 hasher that was read', async () => {
      const hasher = (await create()).sha1()
      hasher.hex()
      expect(() => hasher.update(TEXT)).toThrow()
      expect(() => hasher.hex()).toThrow()
    })

    it('hashes parts with SHA-256 as one', async () => {
      const codec = await create()
      const expected = createHash('sha256').update(TEXT).update(NOISE).digest()
      expect([...codec.sha256(TEXT, NOISE)]).toEqual([...expected])
      expect([...codec.sha256()]).toEqual([...createHash('sha256').digest()])
    })

    it('computes the CRC-32 of zlib, in one go and going on from a seed', async () => {
      const codec = await create()
      expect(codec.crc32(encodeUtf8('123456789'))).toBe(0xcbf43926)
      for (const length of [0, 1, 7, 8, 9, 300_000]) {
        expect(codec.crc32(NOISE.subarray(0, length))).toBe(zlibCrc32(NOISE.subarray(0, length)))
      }
      expect(codec.crc32(NOISE.subarray(1001), codec.crc32(NOISE.subarray(0, 1001)))).toBe(zlibCrc32(NOISE))
    })

    it.each([0, 1] as const)('deflates to a zlib stream at level %i', async (level) => {
      const codec = await create()
      for (const data of [new Uint8Array(0), TEXT.subarray(0, 1), TEXT, NOISE, new Uint8Array(200_000)]) {
        const deflated = codec.deflate(data, level)
        expect(Buffer.compare(inflateSync(deflated), data)).toBe(0)
        if (level === 0) expect(deflated.length).toBeGreaterThan(data.length)
      }
      expect(codec.deflate(TEXT, 1).length).toBeLessThan(TEXT.length / 20)
    })

    it('inflates a stream in the middle of other bytes and tells how long it is', async () => {
      const codec = await create()
      for (const data of [new Uint8Array(0), TEXT.subarray(0, 1), TEXT.subarray(0, 63), TEXT, NOISE]) {
        const deflated = deflateSync(data)
        const around = concatBytes([NOISE.subarray(0, 5), deflated, NOISE.subarray(0, 50)])
        const { content, consumed } = codec.inflate(around, 5, data.length)
        expect(Buffer.compare(content, data)).toBe(0)
        expect(consumed).toBe(deflated.length)
        expect(content.constructor).toBe(Uint8Array)
      }
    })

    it('inflates what it deflated, whatever it is', async () => {
      const codec = await create()
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 3000 }), fc.constantFrom(0 as const, 1 as const), (data, level) => {
          const deflated = codec.deflate(data, level)
          const { content, consumed } = codec.inflate(deflated, 0, data.length)
          expect(content).toEqual(data)
          expect(consumed).toBe(deflated.length)
        }),
      )
    })

    it('takes streams that end with empty and flushed blocks', async () => {
      const codec = await create()
      const flushed = deflateSync(TEXT, { flush: constants.Z_FULL_FLUSH, chunkSize: 64 })
      expect(Buffer.compare(codec.inflate(flushed, 0, TEXT.length).content, TEXT)).toBe(0)
    })

    it('[T8] refuses a stream of another size than declared, without making more of it', async () => {
      const codec = await create()
      const bomb = deflateSync(new Uint8Array(5_000_000))
      for (const size of [0, 1, 4_999_999, 5_000_001]) expectBadZlib(() => codec.inflate(bomb, 0, size))
      const empty = deflateSync(new Uint8Array(0))
      expectBadZlib(() => codec.inflate(empty, 0, 1))
      expectBadZlib(() => codec.inflate(deflateSync(TEXT), 0, 0))
    })

    it('refuses a stream that is cut short anywhere', async () => {
      const codec = await create()
      const deflated = deflateSync(TEXT.subarray(0, 500))
      for (let length = 0; length < deflated.length; length++) {
        expectBadZlib(() => codec.inflate(deflated.subarray(0, length), 0, 500))
      }
      expect(codec.inflate(deflated, 0, 500).consumed).toBe(deflated.length)
    })

    it('refuses damage, other formats, and offsets outside', async () => {
      const codec = await create()
      const deflated = deflateSync(TEXT)
      const damaged = Uint8Array.from(deflated)
      damaged[damaged.length - 1]! ^= 1
      expectBadZlib(() => codec.inflate(damaged, 0, TEXT.length))
      expectBadZlib(() => codec.inflate(gzipSync(TEXT), 0, TEXT.length))
      expectBadZlib(() => codec.inflate(NOISE, 0, 100))
      expectBadZlib(() => codec.inflate(deflated, deflated.length, TEXT.length))
      expectBadZlib(() => codec.inflate(deflateSync(TEXT, { dictionary: TEXT.subarray(0, 64) }), 0, TEXT.length))
      expect(Buffer.compare(codec.inflate(deflated, 0, TEXT.length).content, TEXT)).toBe(0)
    })

    it.each([0, 1] as const)('streams both ways at level %i, in pieces of at most 64 KiB', async (level) => {
      const codec = await create()
      for (const size of [1, 1000, 100_000, 1_000_000]) {
        const data = size === 1 ? TEXT.subarray(0, 2000) : concatBytes([TEXT, NOISE, TEXT])
        const deflated = await collect(codec.deflateStream(piecesOf(data, size), level))
        expect(Buffer.compare(inflateSync(deflated), data)).toBe(0)
        expect(Buffer.compare(await collect(codec.inflateStream(piecesOf(deflated, size))), data)).toBe(0)
        const inflated = await collect(codec.inflateStream(piecesOf(deflateSync(data), size)))
        expect(Buffer.compare(inflated, data)).toBe(0)
      }
    })

    it('streams nothing and empty pieces', async () => {
      const codec = await create()
      const deflated = await collect(codec.deflateStream(piecesOf(new Uint8Array(0), 10), 1))
      expect(inflateSync(deflated).length).toBe(0)
      expect(await collect(codec.inflateStream(piecesOf(deflated, 10)))).toEqual(new Uint8Array(0))
      const withGaps = codec.inflateStream(
        from([new Uint8Array(0), deflateSync(TEXT).subarray(0, 9), new Uint8Array(0), deflateSync(TEXT).subarray(9)]),
      )
      expect(Buffer.compare(await collect(withGaps), TEXT)).toBe(0)
    })

    it('fails a stream that is cut short, damaged or goes on', async () => {
      const codec = await create()
      const deflated = deflateSync(TEXT)
      const damaged = Uint8Array.from(deflated)
      damaged[deflated.length - 1]! ^= 1
      for (const bytes of [new Uint8Array(0), deflated.subarray(0, -1), damaged, NOISE]) {
        await expect(collect(codec.inflateStream(piecesOf(bytes, 100)))).rejects.toMatchObject({ code: 'bad-zlib' })
      }
      for (const size of [deflated.length, 100, 1]) {
        const longer = piecesOf(concatBytes([deflated, Uint8Array.of(0)]), size)
        await expect(collect(codec.inflateStream(longer))).rejects.toMatchObject({ code: 'bad-zlib' })
      }
    })

    it('tells the length of a streamed stream, and leaves what follows alone', async () => {
      const codec = await create()
      const deflated = deflateSync(TEXT)
      for (const size of [100, deflated.length, 100_000]) {
        const lengths: number[] = []
        const source = piecesOf(concatBytes([deflated, NOISE]), size)
        const content = await collect(codec.inflateStream(source, (consumed) => lengths.push(consumed)))
        expect(Buffer.compare(content, TEXT)).toBe(0)
        expect(lengths).toEqual([deflated.length])
      }
    })

    it('hands on what the source of a stream throws', async () => {
      const codec = await create()
      async function* failing(): AsyncGenerator<Uint8Array> {
        yield deflateSync(TEXT).subarray(0, 50)
        throw new RangeError('the disk is gone')
      }
      await expect(collect(codec.inflateStream(failing()))).rejects.toThrow(RangeError)
      await expect(collect(codec.deflateStream(failing(), 1))).rejects.toThrow(RangeError)
    })

    it('ends the source when the reader of a stream stops', async () => {
      const codec = await create()
      for (const through of [
        codec.inflateStream.bind(codec),
        (c: AsyncIterable<Uint8Array>) => codec.deflateStream(c, 0),
      ]) {
        let ended: () => void = () => undefined
        const end = new Promise<void>((resolve) => (ended = resolve))
        async function* endless(): AsyncGenerator<Uint8Array> {
          try {
            yield deflateSync(NOISE)
            for (;;) {
              await new Promise((resolve) => setImmediate(resolve))
              yield NOISE.subarray(0, 1)
            }
          } finally {
            ended()
          }
        }
        for await (const piece of through(endless())) {
          expect(piece.length).toBeGreaterThan(0)
          break
        }
        await end
      }
    })
  })
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

function expectBadZlib(run: () => unknown): void {
  let thrown: unknown
  try {
    run()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ name: 'CorruptObjectError', code: 'bad-zlib' })
}

async function* from(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces
}

async function* piecesOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) {
    expect(piece.length).toBeLessThanOrEqual(64 * 1024)
    all.push(piece)
  }
  return concatBytes(all)
}
