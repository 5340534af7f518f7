import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { createWebCodec } from '../../../src/adapters/web/web-codec.ts'
import { onePack } from '../../../src/engine/pack-intake.ts'
import { concatBytes } from '../../../src/objects/bytes.ts'
import { encodeEntryHeader, encodePack, encodePackHeader } from '../../../src/objects/pack.ts'
import type { GitObject } from '../../../src/objects/oid.ts'
import { expectCorruptAsync } from '../../support/corrupt.ts'
import { aBlob, collected, deltaEntry, noise, notes, wholeEntry } from '../../support/object-samples.ts'
import { withTrailer } from '../../support/raw-pack.ts'

const LIMITS = { bytes: 100_000_000, objects: 10_000, objectSize: 10_000_000 }
const codecs = { node: nodeCodec, web: await createWebCodec() }

/** Bytes in chunks of a size; then a read that never ends, as on a connection whose other side waits for us. */
function reader(bytes: Uint8Array, chunk: number, after: 'waits' | 'ends' = 'waits'): () => Promise<Uint8Array | null> {
  let at = 0
  return () => {
    if (at >= bytes.length) return after === 'ends' ? Promise.resolve(null) : new Promise(() => undefined)
    const piece = bytes.subarray(at, at + chunk)
    at += chunk
    return Promise.resolve(piece)
  }
}

const base = aBlob(Array.from({ length: 300 }, (_, i) => `line ${i}`).join('\n'))
const edited = aBlob(Array.from({ length: 301 }, (_, i) => `line ${i}`).join('\n'))
const small = encodePack(nodeCodec, [
  ...notes(20).map((note) => wholeEntry(nodeCodec, note)),
  wholeEntry(nodeCodec, aBlob('')),
  wholeEntry(nodeCodec, base),
  deltaEntry(nodeCodec, base, edited),
])
const large: GitObject = { type: 'blob', content: concatBytes([noise(1_700_000), new Uint8Array(1_500_000)]) }
const big = encodePack(nodeCodec, [
  wholeEntry(nodeCodec, base),
  wholeEntry(nodeCodec, large),
  wholeEntry(nodeCodec, edited),
])

for (const [name, codec] of Object.entries(codecs)) {
  describe(`a pack on a stream that goes on behind it (${name} codec)`, () => {
    for (const chunk of [1, 7, 100, 65_536]) {
      it(`ends where the pack does, in chunks of ${chunk}`, { timeout: 60_000 }, async () => {
        expect(Buffer.compare(await collected(onePack(reader(small, chunk), codec, LIMITS)), small)).toBe(0)
        const behind = concatBytes([small, noise(500)])
        expect(Buffer.compare(await collected(onePack(reader(behind, chunk), codec, LIMITS)), small)).toBe(0)
      })
    }

    it('passes large entries on in pieces', { timeout: 60_000 }, async () => {
      for (const chunk of [10_000, 65_536, 5_000_000]) {
        expect(Buffer.compare(await collected(onePack(reader(big, chunk), codec, LIMITS)), big)).toBe(0)
      }
    })

    it('[T2] takes a cut for an error, wherever it is', { timeout: 60_000 }, async () => {
      for (let cut = 0; cut < small.length; cut += 23) {
        const read = reader(small.subarray(0, cut), 100, 'ends')
        await expectCorruptAsync(collected(onePack(read, codec, LIMITS)), 'bad-pack', 'bad-zlib')
      }
    })

    it('[T8] believes no size that is above the limits', async () => {
      const claim = (header: Uint8Array) => concatBytes([encodePackHeader(1), header, noise(100)])
      const tooLarge = [
        claim(encodeEntryHeader('blob', 5 * 1024 ** 3)),
        claim(Uint8Array.from([0xbf, ...new Uint8Array(6).fill(0xff), 0x7f])),
        withTrailer(encodePackHeader(10_001)),
      ]
      for (const bytes of tooLarge) {
        await expectCorruptAsync(collected(onePack(reader(bytes, 100, 'ends'), codec, LIMITS)), 'too-large', 'bad-pack')
      }
      await expectCorruptAsync(collected(onePack(reader(big, 5000), codec, { ...LIMITS, bytes: 100_000 })), 'too-large')
      const lies = concatBytes([
        encodePackHeader(1),
        encodeEntryHeader('blob', 10),
        nodeCodec.deflate(new Uint8Array(3_000_000), 1),
      ])
      await expectCorruptAsync(collected(onePack(reader(lies, 100, 'ends'), codec, LIMITS)), 'bad-zlib')
    })
  })
}
