import { createSHA1, createSHA256 } from 'hash-wasm'
import type { Codec } from '../../objects/codec.ts'
import { crc32 } from '../../objects/crc32.ts'
import { SharedSha1 } from './shared-sha1.ts'
import { WebZlib, deflateStream, inflateStream } from './web-zlib.ts'

/** {@link Codec} without any platform's help: wasm hashes and pako. Runs in a WebView, a worker and Node alike. */
export async function createWebCodec(): Promise<Codec> {
  const sha1 = new SharedSha1(await createSHA1())
  const sha256 = await createSHA256()
  const zlib = new WebZlib()
  return {
    sha1: () => sha1.create(),
    sha256(...parts) {
      sha256.init()
      for (const part of parts) sha256.update(part)
      return sha256.digest('binary')
    },
    deflate: (data, level) => zlib.deflate(data, level),
    inflate: (data, offset, size) => zlib.inflate(data, offset, size),
    deflateStream,
    inflateStream,
    crc32,
  }
}
