import { describe, expect, it } from 'vitest'
import { bridgeStreams } from '../../../src/engine/bridge-streams.ts'
import { peekStream } from '../../../src/engine/peeked-stream.ts'
import { encodeUtf8 } from '../../../src/objects/bytes.ts'
import type { ByteStream } from '../../../src/ports/transport.ts'
import { streamPair } from '../../support/stream-pair.ts'

async function readAll(stream: ByteStream): Promise<string> {
  const chunks: Uint8Array[] = []
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('a bridge between two streams', () => {
  it('lets one half end while the other goes on', async () => {
    const [a, inner] = streamPair()
    const [other, b] = streamPair()
    const passed = { forth: 0, back: 0 }
    const bridged = bridgeStreams(inner, other, (direction, count) => (passed[direction] += count))
    await a.write(encodeUtf8('question'))
    await a.finish()
    expect(await readAll(b)).toBe('question')
    await b.write(encodeUtf8('long answer'))
    await b.finish()
    expect(await readAll(a)).toBe('long answer')
    await bridged
    expect(passed).toEqual({ forth: 8, back: 11 })
  })

  it('gives up both when one is given up, and says why', async () => {
    const [a, inner] = streamPair()
    const [other, b] = streamPair()
    const bridged = bridgeStreams(inner, other)
    await a.write(encodeUtf8('half a question'))
    other.abort()
    await expect(bridged).rejects.toMatchObject({ name: 'TransportError' })
    await expect(inner.write(encodeUtf8('more'))).rejects.toMatchObject({ code: 'aborted' })
    b.abort()
    a.abort()
  })
})

describe('a stream that was peeked at', () => {
  it('is whole, also when it is read in small pieces, and tells an early end', async () => {
    const [a, b] = streamPair()
    await a.write(encodeUtf8('hello'))
    const { first, stream } = await peekStream(b)
    expect(first).toBe('h'.charCodeAt(0))
    expect(Buffer.from((await stream.read(2))!).toString()).toBe('he')
    await a.write(encodeUtf8(' again'))
    await a.finish()
    expect(await readAll(stream)).toBe('llo again')
    expect((await peekStream(b)).first).toBeNull()
  })
})
