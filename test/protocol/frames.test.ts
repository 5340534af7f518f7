import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ProtocolError } from '../../src/ports/errors.ts'
import { encodeFrame, FrameReader, MAX_FRAME } from '../../src/protocol/frames.ts'

/** A stream that comes in these chunks. */
function reader(...chunks: Uint8Array[]): FrameReader {
  return new FrameReader({ read: async () => chunks.shift() ?? null })
}

const bytes = (...list: number[]) => Uint8Array.from(list)
const joined = (parts: readonly Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]))

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return joined(parts)
}

describe('encodeFrame', () => {
  it('puts a 4-byte big-endian length before the payload', () => {
    expect(encodeFrame(bytes(7, 8, 9))).toEqual(bytes(0, 0, 0, 3, 7, 8, 9))
    expect(encodeFrame(bytes())).toEqual(bytes(0, 0, 0, 0))
  })

  it('[T8] makes no frame above the limit', () => {
    expect(encodeFrame(new Uint8Array(MAX_FRAME)).length).toBe(MAX_FRAME + 4)
    expect(() => encodeFrame(new Uint8Array(MAX_FRAME + 1))).toThrow(
      expect.objectContaining({ code: 'frame-too-large' }),
    )
  })
})

describe('FrameReader', () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 })

  it('reads the same frames however the stream is split', async () => {
    await fc.assert(
      fc.asyncProperty(
        payloads,
        fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 50 }),
        async (frames, sizes) => {
          const stream = joined(frames.map(encodeFrame))
          const chunks: Uint8Array[] = []
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = i < 200 ? sizes[i % sizes.length]! : stream.length
            chunks.push(stream.subarray(at, at + size)) // also empty chunks
            at += size
          }
          const input = reader(...chunks)
          const found: Uint8Array[] = []
          for (let frame = await input.frame(); frame; frame = await input.frame()) found.push(frame)
          expect(found.map((f) => [...f])).toEqual(frames.map((f) => [...f]))
          expect(input.received).toBe(stream.length)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('[T2] tells a stream that was cut at any byte from one that ended', async () => {
    const stream = joined([encodeFrame(bytes(1, 2, 3)), encodeFrame(bytes()), encodeFrame(bytes(4))])
    const ends = [0, 7, 11, 16]
    for (let cut = 0; cut <= stream.length; cut++) {
      const input = reader(stream.slice(0, cut))
      const outcome = await (async () => {
        while (await input.frame());
        return 'ended'
      })().catch((error: unknown) => (error as ProtocolError).code)
      expect(outcome, `cut after ${cut} bytes`).toBe(ends.includes(cut) ? 'ended' : 'bad-frame')
    }
  })

  it('[T8] refuses an oversized frame from its length alone, without reading on', async () => {
    for (const length of [MAX_FRAME + 1, 2 ** 31, 2 ** 32 - 1]) {
      const head = new Uint8Array(4)
      new DataView(head.buffer).setUint32(0, length)
      let reads = 0
      const input = new FrameReader({ read: async () => (reads++ ? new Uint8Array(1024) : head) })
      await expect(input.frame()).rejects.toMatchObject({ name: 'ProtocolError', code: 'frame-too-large' })
      expect(reads).toBe(1)
    }
  })

  it('reads raw runs between frames, to the byte', async () => {
    const stream = joined([encodeFrame(bytes(1)), bytes(9, 8, 7, 6, 5), encodeFrame(bytes(2)), bytes(4)])
    for (let size = 1; size <= stream.length; size++) {
      const chunks: Uint8Array[] = []
      for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size))
      const input = reader(...chunks)
      expect(await input.frame()).toEqual(bytes(1))
      expect(await all(input.raw(5))).toEqual(bytes(9, 8, 7, 6, 5))
      expect(await input.frame()).toEqual(bytes(2))
      expect(await all(input.raw(0))).toEqual(bytes())
      expect(await all(input.raw(1))).toEqual(bytes(4))
      expect(await input.frame()).toBeNull()
    }
  })

  it('[T2] refuses a raw run that ends early', async () => {
    await expect(all(reader(bytes(1, 2)).raw(3))).rejects.toMatchObject({ code: 'bad-frame' })
  })

  it('takes a large frame that comes byte by byte in time that grows with its size only', async () => {
    const frame = encodeFrame(new Uint8Array(MAX_FRAME).fill(3))
    let at = 0
    const input = new FrameReader({ read: async () => frame.subarray(at, ++at) })
    const payload = await input.frame()
    expect(payload?.length).toBe(MAX_FRAME)
    expect(payload?.every((byte) => byte === 3)).toBe(true)
  })
})
