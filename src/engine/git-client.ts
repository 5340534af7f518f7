import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { ByteStream } from '../ports/transport.ts'
import { fetchClient } from '../protocol/git/fetch-client.ts'
import type { FetchClientRequest, FetchSummary } from '../protocol/git/fetch-client.ts'
import type { GitRef } from '../protocol/git/git-refs.ts'
import { NO_FILTER } from '../protocol/git/object-filter.ts'
import type { ObjectFilter } from '../protocol/git/object-filter.ts'
import { pushClient } from '../protocol/git/push-client.ts'
import type { PushClientRequest } from '../protocol/git/push-client.ts'
import type { PushReport } from '../protocol/git/push-report.ts'
import type { RefCommand } from '../protocol/git/receive-commands.ts'
import { encodeServiceRequest } from '../protocol/git/service-request.ts'
import { NO_HAVES } from './commit-haves.ts'
import type { HaveSource } from './commit-haves.ts'
import { PackPlan } from './git-pack-plan.ts'
import { packBytes } from './git-pack-stream.ts'
import { listObjects } from './object-list.ts'
import { PktStream, runGitSession } from './pkt-stream.ts'
import type { GitRepository } from './visible-history.ts'

interface ClientOptions {
  /** `tandem/0.1.0`. */
  readonly agent: string
  /** Sent first as the stream's service request (T1, and what a git daemon expects). Absent when the program at the other end was started for us. */
  readonly path?: string
  readonly signal?: AbortSignal
  /** What the other side says to people: any characters, half lines too. */
  readonly onProgress?: (text: string) => void
  /** Bytes of packs as they pass. */
  readonly onBytes?: (count: number) => void
}

export interface GitFetchOptions extends ClientOptions {
  /** Receives the pack, which it verifies; what a pack holds is no history yet: check connectivity before a ref names it (T2). */
  readonly objects: ObjectStore
  /** Only refs whose names begin so are listed; all unless given. */
  readonly refPrefixes?: readonly string[]
  /** Chooses among the refs; no oid: nothing is fetched. Blobs and trees may be wanted by oid as well. */
  readonly wants: (refs: readonly GitRef[]) => readonly Oid[] | Promise<readonly Oid[]>
  /** What we have; nothing unless given. */
  readonly haves?: HaveSource
  readonly filter?: ObjectFilter
  /** Off for a store that lacks objects which its commits name. On unless given. */
  readonly thinPack?: boolean
  readonly includeTag?: boolean
  /** For servers that read on when they refuse, as ours do: the refs are asked for before the server's first word. */
  readonly listsAtOnce?: boolean
  /** Bytes of pack after which the fetch is given up (T8); 8 GiB unless given. */
  readonly maxPackBytes?: number
}

const MAX_PACK_BYTES = 8 * 1024 * 1024 * 1024

export interface GitFetchResult extends FetchSummary {
  /** The oids of the pack. */
  readonly received: readonly Oid[]
}

/**
 * Fetches from any `git upload-pack` that speaks version 2. Leaves the stream ended.
 * @throws ProtocolError `refused` with the server's words; TransportError when it is cut: nothing of the pack is kept then;
 * CorruptObjectError for a pack that is not sound; the signal's reason when aborted
 */
export function fetchFromGit(stream: ByteStream, options: GitFetchOptions): Promise<GitFetchResult> {
  return onStream(stream, options, 'git-upload-pack', async (lines) => {
    let received: readonly Oid[] = []
    const session = fetchClient({
      agent: options.agent,
      refPrefixes: options.refPrefixes ?? [],
      filter: options.filter ?? NO_FILTER,
      thinPack: options.thinPack ?? true,
      includeTag: options.includeTag ?? false,
      listsAtOnce: options.listsAtOnce ?? false,
      progress: options.onProgress !== undefined,
    })
    const summary = await runGitSession<FetchClientRequest, FetchSummary>(session, lines, async (request) => {
      switch (request.kind) {
        case 'wants':
          return options.wants(request.refs)
        case 'haves':
          return (options.haves ?? NO_HAVES).next(request.count, request.common)
        case 'pack':
          received = await receivePack(lines, options)
          return
      }
    })
    return { ...summary, received }
  })
}

async function receivePack(lines: PktStream, options: GitFetchOptions): Promise<readonly Oid[]> {
  const { objects, signal, onBytes, maxPackBytes = MAX_PACK_BYTES } = options
  let size = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const bytes of lines.bandData()) {
      signal?.throwIfAborted()
      size += bytes.length
      if (size > maxPackBytes) throw new ProtocolError('limit', `a pack of more than ${maxPackBytes} bytes`)
      onBytes?.(bytes.length)
      yield bytes
    }
  }
  return objects.writePack(counted())
}

export interface GitPushOptions extends ClientOptions {
  readonly repository: GitRepository
  /** What to ask for, given the server's refs; none: nothing happens. New values are commits that are whole here. */
  readonly commands: (refs: readonly GitRef[]) => readonly RefCommand[] | Promise<readonly RefCommand[]>
  readonly atomic?: boolean
}

/**
 * Pushes commits to any `git receive-pack`. Resolves to the server's report, in which refs may be refused; null when there was
 * nothing to push. Leaves the stream ended. @throws as {@link fetchFromGit}
 */
export function pushToGit(stream: ByteStream, options: GitPushOptions): Promise<PushReport | null> {
  return onStream(stream, options, 'git-receive-pack', async (lines) => {
    let cut: TransportError | null = null
    const session = pushClient({ agent: options.agent, atomic: options.atomic ?? false })
    try {
      return await runGitSession<PushClientRequest, PushReport | null>(session, lines, async (request) => {
        switch (request.kind) {
          case 'commands':
            return options.commands(request.refs)
          case 'pack':
            try {
              await sendPack(stream, lines, request, options)
            } catch (error) {
              // Who refuses a pack may stop reading it: the report says more than the broken stream.
              if (!(error instanceof TransportError)) throw error
              cut = error
            }
            return
          case 'unband':
            return lines.unband()
        }
      })
    } catch (error) {
      throw cut && error instanceof TransportError ? cut : error
    }
  })
}

async function sendPack(
  stream: ByteStream,
  lines: PktStream,
  { commands, refs, ofsDelta }: Extract<PushClientRequest, { kind: 'pack' }>,
  { repository, signal, onBytes }: GitPushOptions,
): Promise<void> {
  const wants: Oid[] = []
  for (const { to } of commands) {
    if (to === null) continue
    if (!(await repository.recall(to))) throw new ProtocolError('refused', `${to} is no commit of this repository`)
    wants.push(to)
  }
  const known = refs.flatMap(({ oid }) => (oid !== null && repository.graph.has(oid) ? [oid] : []))
  const plan = new PackPlan(() => true)
  for await (const object of listObjects(repository, wants, repository.graph.maximal(known), { blobs: true }))
    plan.add(object)
  await lines.flush()
  const packing = { ofsDelta, ...(signal ? { signal } : {}) }
  for await (const bytes of packBytes(repository.codec, repository.objects, plan.entries, packing)) {
    onBytes?.(bytes.length)
    await stream.write(bytes)
  }
}

async function onStream<T>(
  stream: ByteStream,
  options: ClientOptions,
  service: 'git-upload-pack' | 'git-receive-pack',
  converse: (lines: PktStream) => Promise<T>,
): Promise<T> {
  const { signal, path } = options
  signal?.throwIfAborted()
  const onAbort = (): void => stream.abort()
  signal?.addEventListener('abort', onAbort, { once: true })
  let ended = false
  const watched: ByteStream = {
    read: async (max) => {
      const bytes = await stream.read(max)
      ended ||= bytes === null
      return bytes
    },
    write: (bytes) => stream.write(bytes),
    finish: () => stream.finish(),
    abort: () => stream.abort(),
  }
  try {
    const lines = new PktStream(watched, options.onProgress)
    const version = service === 'git-upload-pack' ? 2 : 0
    if (path !== undefined) await lines.write(encodeServiceRequest({ service, path, version }))
    const result = await converse(lines)
    const finished = stream.finish()
    finished.catch(() => undefined)
    while ((await stream.read()) !== null);
    return result
  } catch (error) {
    stream.abort()
    signal?.throwIfAborted()
    // Who dies in the middle of an answer has sent nothing wrong: another try may bring the rest.
    if (ended && isCutShort(error))
      throw new TransportError('disconnected', 'the transfer ended before it was complete', {}, { cause: error })
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

function isCutShort(error: unknown): boolean {
  return (
    (error instanceof CorruptObjectError && error.code === 'bad-pkt-line') ||
    (error instanceof ProtocolError && error.code === 'bad-message')
  )
}
