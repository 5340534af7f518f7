import type { Oid } from '../objects/oid.ts'
import { LARGE_BLOB } from '../ports/object-store.ts'
import type { ByteStream } from '../ports/transport.ts'
import { decodeFetchRequest, encodeFetchReply, type FetchReply, type FetchRequest } from '../protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../protocol/frames.ts'
import { listObjects, type ListedObject } from './object-list.ts'
import { PackBuilder } from './pack-builder.ts'
import type { Repository } from './repository.ts'
import type { SendProgress } from './transfer-progress.ts'
import { walkNewEntries } from './tree-walk.ts'

/** A piece is closed when its pack reaches this many bytes: small enough that a cut costs little, large enough to be one file. */
const PIECE_TARGET = 2 * 1024 * 1024
/** … or its objects this many inflated bytes: they are verified in memory over there. */
const PIECE_INFLATED = 4 * 1024 * 1024

/**
 * Answers the one request on a bulk stream. `open` gives the share's repository when the peer may have it; a share that it may
 * not have and one that does not exist are refused alike (S5). `progress` hears what the peer is sent of files.
 */
export async function serveFetch(
  stream: ByteStream,
  open: (share: string) => Repository | undefined,
  onSent: (bytes: number) => void,
  progress?: SendProgress,
): Promise<void> {
  try {
    const frame = await new FrameReader(stream).frame()
    if (!frame) return stream.abort()
    const request = decodeFetchRequest(frame)
    const repository = open(request.share)
    const send = async (reply: FetchReply, raw?: Uint8Array): Promise<void> => {
      await stream.write(encodeFrame(encodeFetchReply(reply)))
      if (raw) await stream.write(raw)
      onSent(raw?.length ?? 0)
    }
    if (!repository) await send({ kind: 'refusal', code: 'no-share', message: 'there is no such share here' })
    else if (request.kind === 'history') await sendHistory(repository, request, send)
    else if (request.kind === 'objects') await sendObjects(repository, request.oids, send, progress)
    else await sendLarge(repository, request, stream, send, onSent, progress)
    await stream.finish()
  } catch (error) {
    progress?.end()
    stream.abort()
    throw error
  }
}

type Send = (reply: FetchReply, raw?: Uint8Array) => Promise<void>

async function sendHistory(
  repository: Repository,
  request: Extract<FetchRequest, { kind: 'history' }>,
  send: Send,
): Promise<void> {
  const absent: Oid[] = [
    ...request.commits.filter((oid) => !repository.graph.has(oid)),
    ...(await repository.objects.missing(request.trees)),
  ]
  const lacking = new Set(absent)
  const commits = request.commits.filter((oid) => !lacking.has(oid))
  const pieces = new PieceSender(repository, send)
  for await (const object of listObjects(repository, commits, request.haves, { blobs: false })) await pieces.add(object)
  const seen = new Set<Oid>()
  for (const tree of request.trees) {
    if (lacking.has(tree)) continue
    await walkNewEntries(
      (oid) => repository.readTree(oid),
      tree,
      [],
      seen,
      async ({ kind, oid }) => void (kind === 'tree' && (await pieces.add({ kind, oid, base: undefined }))),
    )
  }
  await pieces.flush()
  await send({ kind: 'done', large: [], absent })
}

async function sendObjects(
  repository: Repository,
  oids: readonly Oid[],
  send: Send,
  progress: SendProgress | undefined,
): Promise<void> {
  const sized: { oid: Oid; size: number }[] = []
  const large: { oid: Oid; size: number }[] = []
  const absent: Oid[] = []
  for (const oid of new Set(oids)) {
    const info = await repository.objects.info(oid)
    if (!info) absent.push(oid)
    else (info.size > LARGE_BLOB ? large : sized).push({ oid, size: info.size })
  }
  // T1: notes before attachments; those of about a size in the order asked for, which is much that of the packs.
  sized.sort((a, b) => sizeClass(a.size) - sizeClass(b.size))
  large.sort((a, b) => a.size - b.size)
  const plan = {
    objects: sized.length + large.length,
    bytes: [...sized, ...large].reduce((sum, o) => sum + o.size, 0),
  }
  progress?.plan(plan.objects, plan.bytes)
  await send({ kind: 'plan', ...plan })
  const pieces = new PieceSender(repository, send, progress)
  for (const { oid, size } of sized) await pieces.add({ kind: 'blob', oid, base: undefined }, size)
  await pieces.flush()
  await send({ kind: 'done', large, absent })
}

/** Powers of two, from 32 KiB on: whatever is smaller is a note. */
const sizeClass = (size: number): number => Math.max(15, Math.ceil(Math.log2(size)))

async function sendLarge(
  repository: Repository,
  { oid, offset }: { oid: Oid; offset: number },
  stream: ByteStream,
  send: Send,
  onSent: (bytes: number) => void,
  progress: SendProgress | undefined,
): Promise<void> {
  const info = await repository.objects.info(oid)
  if (!info || info.type !== 'blob' || offset > info.size)
    return send({ kind: 'refusal', code: 'no-object', message: 'there is no such object here' })
  await send({ kind: 'large', oid, size: info.size, offset })
  progress?.sent(0, offset)
  for await (const chunk of repository.objects.stream(oid, offset)) {
    await stream.write(chunk)
    onSent(chunk.length)
    progress?.sent(0, chunk.length)
  }
  progress?.sent(1, 0)
}

class PieceSender {
  readonly #builder: PackBuilder
  readonly #send: Send
  readonly #progress: SendProgress | undefined
  #inflated = 0

  constructor(repository: Repository, send: Send, progress?: SendProgress) {
    this.#builder = new PackBuilder(repository)
    this.#send = send
    this.#progress = progress
  }

  async add(object: ListedObject, size = 0): Promise<void> {
    if (this.#inflated + size > PIECE_INFLATED) await this.flush()
    await this.#builder.add(object)
    this.#inflated += size
    if (this.#builder.size >= PIECE_TARGET) await this.flush()
  }

  async flush(): Promise<void> {
    if (!this.#builder.count) return
    const objects = this.#builder.count
    const pack = this.#builder.take()
    const inflated = this.#inflated
    this.#inflated = 0
    await this.#send({ kind: 'piece', size: pack.length, objects }, pack)
    this.#progress?.sent(objects, inflated)
  }
}
