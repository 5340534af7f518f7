import fs from 'node:fs'
import { STREAM_CHUNK } from '../memory/byte-stream.ts'
import { Pacer } from './pacer.ts'

/** The bytes of an open file from `start` to `end` (or its end), in chunks of 64 KiB. The descriptor stays the caller's. */
export async function* fileChunks(fd: number, start = 0, end = Infinity): AsyncGenerator<Uint8Array> {
  const pacer = new Pacer()
  for (let at = start; at < end;) {
    const chunk = new Uint8Array(Math.min(STREAM_CHUNK, end - at))
    const read = fs.readSync(fd, chunk, 0, chunk.length, at)
    if (read === 0) return
    at += read
    yield chunk.subarray(0, read)
    await pacer.breathe()
  }
}
