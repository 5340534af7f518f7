import { PktLineDecoder } from '../objects/pkt-line.ts'
import type { PktLine } from '../objects/pkt-line.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { ByteStream } from '../ports/transport.ts'
import { lineText, quoted } from '../protocol/git/git-session.ts'
import type { GitSession, LineRequest } from '../protocol/git/git-session.ts'
import { BAND_DATA, BAND_ERROR, BAND_PROGRESS } from '../protocol/git/sideband.ts'

/** Small lines wait for company up to so many bytes. */
const WRITE_BUFFER = 64 * 1024

/** A stream as pkt-lines both ways. What was written is on its way at the latest when the next line is read. */
export class PktStream {
  readonly #stream: ByteStream
  readonly #decoder = new PktLineDecoder()
  #outgoing: Uint8Array[] = []
  #outgoingBytes = 0
  /** Set once lines come out of band 1. */
  #inner: PktLineDecoder | null = null
  readonly #onProgress: (text: string) => void

  /** `onProgress` is told what the other side says to people, as it comes: any characters, half lines too. */
  constructor(stream: ByteStream, onProgress: (text: string) => void = () => undefined) {
    this.#stream = stream
    this.#onProgress = onProgress
  }

  /** The next line; null at a clean end. @throws CorruptObjectError `bad-pkt-line`, TransportError, ProtocolError `refused` (band 3) */
  async read(): Promise<PktLine | null> {
    await this.flush()
    const inner = this.#inner
    if (!inner) return this.#readOuter()
    for (;;) {
      const line = inner.next()
      if (line) return line
      const payload = await this.#readBand()
      if (!payload) {
        inner.end()
        return null
      }
      inner.push(payload)
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#outgoing.push(bytes)
    this.#outgoingBytes += bytes.length
    if (this.#outgoingBytes >= WRITE_BUFFER) await this.flush()
  }

  async flush(): Promise<void> {
    const parts = this.#outgoing
    const length = this.#outgoingBytes
    if (length === 0) return
    this.#outgoing = []
    this.#outgoingBytes = 0
    if (parts.length === 1) return this.#stream.write(parts[0]!)
    const bytes = new Uint8Array(length)
    let at = 0
    for (const part of parts) {
      bytes.set(part, at)
      at += part.length
    }
    await this.#stream.write(bytes)
  }

  /** From now on `read` gives the lines that lie in band 1. */
  unband(): void {
    this.#inner ??= new PktLineDecoder()
  }

  /** The bytes as they are, from behind the last line read; null at the end. */
  async readRaw(): Promise<Uint8Array | null> {
    await this.flush()
    const rest = this.#decoder.takeRest()
    return rest.length > 0 ? rest : this.#stream.read()
  }

  /** The data of band 1 up to the flush. A stream that ends before is an error, never an end (T2). */
  async *bandData(): AsyncGenerator<Uint8Array> {
    await this.flush()
    for (;;) {
      const payload = await this.#readBand()
      if (!payload) return
      yield payload
    }
  }

  /** Null at the flush. */
  async #readBand(): Promise<Uint8Array | null> {
    for (;;) {
      const line = await this.#readOuter()
      if (!line) throw new TransportError('disconnected', 'the transfer ended before it was complete')
      if (line.kind === 'flush') return null
      if (line.kind !== 'data') throw new ProtocolError('bad-message', 'a sign where data belongs')
      const payload = line.data.subarray(1)
      const band = line.data[0]
      if (band === BAND_DATA) return payload
      if (band === BAND_PROGRESS) this.#onProgress(lineText(payload))
      else if (band === BAND_ERROR) throw new ProtocolError('refused', quoted(lineText(payload)))
      else throw new ProtocolError('bad-message', `protocol error: bad band #${String(band)}`)
    }
  }

  async #readOuter(): Promise<PktLine | null> {
    for (;;) {
      const line = this.#decoder.next()
      if (line) return line
      const chunk = await this.#stream.read()
      if (!chunk) {
        this.#decoder.end()
        return null
      }
      this.#decoder.push(chunk)
    }
  }
}

/** Runs a session on a stream; `act` answers what it asks for besides lines. What is written last is on its way when it resolves. */
export async function runGitSession<Request extends { readonly kind: string }, Result>(
  session: GitSession<Request, Result>,
  stream: PktStream,
  act: (request: Request) => Promise<unknown>,
): Promise<Result> {
  let step = session.next()
  while (!step.done) {
    let answer: unknown
    try {
      answer = await perform(step.value, stream, act)
    } catch (error) {
      step = session.throw(error)
      continue
    }
    step = session.next(answer)
  }
  await stream.flush()
  return step.value
}

function perform<Request extends { readonly kind: string }>(
  request: Request | LineRequest,
  stream: PktStream,
  act: (request: Request) => Promise<unknown>,
): Promise<unknown> {
  if (request.kind === 'read') return stream.read()
  if (isWrite(request)) return stream.write(request.bytes)
  return act(request as Request)
}

function isWrite(request: { readonly kind: string }): request is Extract<LineRequest, { kind: 'write' }> {
  return request.kind === 'write'
}
