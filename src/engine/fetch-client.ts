import type { Oid } from '../objects/oid.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { ByteStream, EndpointId } from '../ports/transport.ts'
import {
  decodeFetchReply,
  encodeFetchRequest,
  MAX_FETCH_OIDS,
  type FetchReply,
  type FetchRequest,
} from '../protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../protocol/frames.ts'
import type { DeviceHeads } from '../protocol/messages.ts'
import type { Attempt, TransferState, TransferTracker } from './recovery.ts'
import type { ReceiveResult, Repository } from './repository.ts'
import type { TransferProgress } from './transfer-progress.ts'

/** Of what is received. All of its objects and bytes, the history too, beside the files. */
export interface FetchProgress extends TransferProgress {
  readonly objectsDone: number
  readonly objectsTotal: number
  /** On the wire, since this fetch began. */
  readonly bytesReceived: number
}

export function fetchProgress(state: TransferState): FetchProgress {
  const { objects, expectedObjects, bytes, files, expectedFiles, content, expectedContent } = state
  return {
    objectsDone: objects,
    objectsTotal: Math.max(expectedObjects ?? 0, objects),
    filesDone: Math.min(files, expectedFiles),
    filesTotal: expectedFiles,
    bytesDone: Math.min(content, expectedContent),
    bytesTotal: expectedContent,
    bytesReceived: bytes,
  }
}

export interface FetchOptions extends Attempt {
  readonly openStream: () => Promise<ByteStream>
  readonly tracker: TransferTracker
  /** Whether a device's head may move by what this peer says, asked when it moves (S1). Default: all may. */
  readonly mayMove?: (device: EndpointId) => boolean
}

/**
 * Brings the histories of `heads` here and moves the heads. Each round asks the store what is still missing, so a fetch that was
 * cut goes on where it stopped, from this peer or another. Order: history (commits and trees), then blobs, small before large (T1).
 * What this device's own store has lost is asked for before that.
 *
 * @throws TransportError; ProtocolError `refused` when the peer does not have what it offered; CorruptObjectError.
 */
export async function fetchHeads(
  repository: Repository,
  share: string,
  heads: DeviceHeads,
  options: FetchOptions,
): Promise<Extract<ReceiveResult, { result: 'received' }>> {
  const fetch = new Fetch(repository, share, options)
  const lost = await repository.lost()
  if (lost.length) {
    await fetch.blobs(lost) // of whatever type: asked for one by one
    if ((await repository.lost()).length < lost.length) repository.found()
  }
  for (;;) {
    options.signal.throwIfAborted()
    const received = await repository.receive(heads, options.mayMove)
    if (received.result === 'received') return received
    const { missingCommits, missingTrees, missingBlobs } = received.missing
    const missing = [...missingCommits, ...missingTrees, ...missingBlobs]
    if (missingCommits.length || missingTrees.length) {
      await fetch.request({
        share,
        kind: 'history',
        commits: missingCommits.slice(0, 1000),
        trees: missingTrees.slice(0, 10_000),
        haves: [...repository.heads().values()].slice(0, 1000),
      })
    } else {
      await fetch.blobs(missingBlobs)
    }
    // By what is here now, not by what the peer says that it sent: that could go on for ever.
    if ((await repository.objects.missing(missing)).length === missing.length) {
      throw new ProtocolError('refused', 'the other device announced something that it does not have', {
        missing: missing.slice(0, 5),
      })
    }
  }
}

class Fetch {
  readonly #repository: Repository
  readonly #share: string
  readonly #options: FetchOptions

  constructor(repository: Repository, share: string, options: FetchOptions) {
    this.#repository = repository
    this.#share = share
    this.#options = options
  }

  async blobs(oids: readonly Oid[]): Promise<void> {
    for (let i = 0; i < oids.length; i += MAX_FETCH_OIDS) {
      const asked = new Set(oids.slice(i, i + MAX_FETCH_OIDS))
      const done = await this.request({ share: this.#share, kind: 'objects', oids: [...asked] })
      for (const { oid, size } of done.large) {
        if (!asked.delete(oid))
          throw new ProtocolError('refused', 'the other device offers a large file that was not asked for', { oid })
        await this.#large(oid, size)
      }
    }
  }

  /** Sends one request on a stream of its own and stores the pieces that answer it. */
  async request(request: FetchRequest): Promise<Extract<FetchReply, { kind: 'done' }>> {
    const { tracker } = this.#options
    return this.#onStream(request, async (frames) => {
      for (;;) {
        const frame = await frames.frame()
        if (!frame) throw new TransportError('disconnected', 'the transfer ended before it was complete') // T2
        const reply = decodeFetchReply(frame)
        switch (reply.kind) {
          case 'plan':
            tracker.planned(reply.objects, reply.bytes)
            break
          case 'piece': {
            const stored = await this.#repository.objects.writePack(this.#counted(frames.raw(reply.size)))
            tracker.received(0, reply.objects)
            if (request.kind === 'objects') tracker.arrived(stored.length, await this.#sizeOf(stored))
            break
          }
          case 'done':
            return reply
          case 'refusal':
            throw new ProtocolError('refused', `the other device refused: ${reply.message}`, { code: reply.code })
          case 'large':
            throw new ProtocolError('out-of-order', 'a large file came unasked')
        }
      }
    })
  }

  async #sizeOf(oids: readonly Oid[]): Promise<number> {
    let sum = 0
    for (const oid of oids) sum += (await this.#repository.objects.info(oid))?.size ?? 0
    return sum
  }

  async #large(oid: Oid, size: number): Promise<void> {
    const { tracker } = this.#options
    const reception = await this.#repository.objects.receiveLarge(oid, size)
    let finished = false
    try {
      if (reception.received < size) {
        await this.#onStream({ share: this.#share, kind: 'large', oid, offset: reception.received }, async (frames) => {
          const frame = await frames.frame()
          const reply = frame && decodeFetchReply(frame)
          if (
            reply?.kind !== 'large' ||
            reply.oid !== oid ||
            reply.size !== size ||
            reply.offset !== reception.received
          ) {
            throw new ProtocolError('refused', 'the other device did not send the large file that it announced', {
              oid,
            })
          }
          tracker.arrived(0, reply.offset)
          for await (const chunk of this.#counted(frames.raw(size - reply.offset))) {
            await reception.write(chunk)
            tracker.arrived(0, chunk.length)
          }
        })
      } else {
        tracker.arrived(0, size) // in an earlier try
      }
      finished = true
      await reception.finish()
      tracker.received(0, 1)
      tracker.arrived(1, 0)
    } finally {
      if (!finished) await reception.pause() // T2: what arrived stays
    }
  }

  async #onStream<T>(request: FetchRequest, receive: (frames: FrameReader) => Promise<T>): Promise<T> {
    const { signal, idle, openStream } = this.#options
    signal.throwIfAborted()
    const stream = await openStream()
    const onAbort = () => stream.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      idle.touch()
      await stream.write(encodeFrame(encodeFetchRequest(request)))
      const done = stream.finish()
      done.catch(() => undefined)
      const result = await receive(
        new FrameReader({
          read: async (max) => {
            const chunk = await stream.read(max)
            idle.touch()
            return chunk
          },
        }),
      )
      await drain(stream)
      return result
    } catch (error) {
      stream.abort()
      throw error
    } finally {
      idle.rest()
      signal.removeEventListener('abort', onAbort)
    }
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#options.tracker.received(chunk.length)
      yield chunk
    }
  }
}

/** Reads to the end, so that the stream's slot is free again. */
async function drain(stream: ByteStream): Promise<void> {
  while ((await stream.read()) !== null);
}
