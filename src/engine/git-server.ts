import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { encodeUtf8 } from '../objects/bytes.ts'
import { ProtocolError, StoreError, TransportError } from '../ports/errors.ts'
import type { ByteStream } from '../ports/transport.ts'
import type { FetchArguments } from '../protocol/git/fetch-arguments.ts'
import { quoted, textLine } from '../protocol/git/git-session.ts'
import type { GitOutcome } from '../protocol/git/git-session.ts'
import { decodeServiceRequest } from '../protocol/git/service-request.ts'
import type { GitService } from '../protocol/git/service-request.ts'
import { BAND_DATA, BAND_ERROR, BAND_PROGRESS, BandWriter, encodeBand } from '../protocol/git/sideband.ts'
import { uploadPack } from '../protocol/git/upload-pack.ts'
import type { UploadPackLimits, UploadPackRequest } from '../protocol/git/upload-pack.ts'
import { planFetchPack } from './git-pack-plan.ts'
import { packBytes } from './git-pack-stream.ts'
import type { PackStreamStats } from './git-pack-stream.ts'
import { serveReceivePack } from './git-receive.ts'
import type { ReceiveOptions } from './git-receive.ts'
import { PktStream, runGitSession } from './pkt-stream.ts'
import { VisibleHistory } from './visible-history.ts'
import type { GitRepository, VisibleRefs } from './visible-history.ts'

export interface UploadOptions {
  readonly repository: GitRepository
  /** What this peer may see, at this moment: asked once per session, so that what it was shown stays valid for it. */
  readonly visible: () => Promise<VisibleRefs>
  /** `tandem/0.1.0`. */
  readonly agent: string
  readonly version: number
  readonly signal?: AbortSignal
  readonly limits?: Partial<UploadPackLimits>
  /** Bytes of packs as they leave. */
  readonly onBytes?: (count: number) => void
  /** Whether whatever the repository holds may be wanted by its oid, reachable or not (git: `uploadpack.allowAnySHA1InWant`). */
  readonly anyObject?: boolean
  /** What the client does: looks at the refs; asks how large objects are; has been sent these. */
  readonly onRefs?: () => void
  readonly onSizes?: (sizes: ReadonlyMap<Oid, number>) => void
  readonly onSent?: (oids: Iterable<Oid>) => void
  /** Something that was asked for could not be read here; `oid` where it is known which. */
  readonly onFault?: (error: unknown, oid?: Oid) => void
}

/** What is served at one path to one peer; a service that is absent is refused. */
export interface GitEndpoint {
  readonly upload?: Omit<UploadOptions, 'version'>
  readonly receive?: Omit<ReceiveOptions, 'version'>
}

/**
 * Serves one stream whose first line names service and path (T1). A path that does not exist and one that the peer may not see are
 * refused alike (S5). The stream is over when this resolves. @throws TransportError when the network failed, StoreError when the store did
 */
export async function serveGitStream(
  stream: ByteStream,
  open: (path: string, service: GitService) => GitEndpoint | undefined,
): Promise<GitOutcome> {
  return servingStream(stream, async (lines) => {
    const first = await lines.read()
    if (!first) return { result: 'done' }
    const { service, path, version } = decodeServiceRequest(first)
    const endpoint = open(path, service)
    if (service === 'git-upload-pack' && endpoint?.upload) return serveUpload(lines, { ...endpoint.upload, version })
    if (service === 'git-receive-pack' && endpoint?.receive) {
      return serveReceivePack(lines, { ...endpoint.receive, version })
    }
    throw new ProtocolError('refused', `access denied or repository not exported: ${quoted(path)}`)
  })
}

/** Ends the stream well or badly, whatever happens. What is refused before a session began is said in an `ERR` line too. */
async function servingStream(
  stream: ByteStream,
  serve: (lines: PktStream) => Promise<GitOutcome>,
): Promise<GitOutcome> {
  const lines = new PktStream(stream)
  try {
    let outcome: GitOutcome
    try {
      outcome = await serve(lines)
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof CorruptObjectError)) throw error
      outcome = { result: 'refused', code: error.code, message: error.message }
      await lines.write(textLine(`ERR ${error.message}`))
      await lines.flush()
    }
    try {
      await endStream(stream)
    } catch (error) {
      // Who was refused may just hang up.
      if (outcome.result === 'done' || !(error instanceof TransportError)) throw error
      stream.abort()
    }
    return outcome
  } catch (error) {
    stream.abort()
    throw error
  }
}

/** Bytes of a refused request that are read and dropped, so that its sender comes to read the refusal. */
const MAX_DRAINED = 256 * 1024 * 1024

/** Ends our half, and reads the other to its end: who is refused may still be sending. */
async function endStream(stream: ByteStream): Promise<void> {
  const finished = stream.finish()
  finished.catch(() => undefined)
  let drained = 0
  for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
    drained += chunk.length
    if (drained > MAX_DRAINED) throw new TransportError('closed', 'the other side does not stop sending')
  }
  await finished
}

async function serveUpload(lines: PktStream, options: UploadOptions): Promise<GitOutcome> {
  const { repository, signal } = options
  let history: VisibleHistory | null = null
  const shown = async () => VisibleHistory.open(repository, await options.visible())
  const visible = async () => (history ??= options.anyObject ? VisibleHistory.all(repository) : await shown())
  const session = uploadPack({
    agent: options.agent,
    version: options.version,
    ...(options.limits ? { limits: options.limits } : {}),
  })
  return runGitSession<UploadPackRequest, GitOutcome>(session, lines, async (request) => {
    signal?.throwIfAborted()
    switch (request.kind) {
      case 'refs':
        options.onRefs?.()
        return (options.anyObject ? await shown() : await visible()).refs()
      case 'common':
        return (await visible()).common(request.oids)
      case 'not-ours':
        return (await visible()).notOurs(request.oids)
      case 'ready':
        return (await visible()).ready(request.wants, request.common)
      case 'sizes': {
        const sizes = await (await visible()).sizes(request.oids, options.onFault)
        options.onSizes?.(
          new Map(request.oids.flatMap((oid, i) => (typeof sizes[i] === 'number' ? [[oid, sizes[i]] as const] : []))),
        )
        return sizes
      }
      case 'pack':
        return sendPack(lines, await visible(), request.fetch, options)
    }
  })
}

async function sendPack(
  lines: PktStream,
  history: VisibleHistory,
  fetch: FetchArguments,
  { repository, signal, onBytes, onSent, onFault }: UploadOptions,
): Promise<void> {
  const say = async (text: string): Promise<void> => {
    if (!fetch.noProgress) await lines.write(encodeBand(BAND_PROGRESS, encodeUtf8(text)))
  }
  try {
    const { entries } = await planFetchPack(repository, history, fetch, async (planned) => {
      signal?.throwIfAborted()
      // To a client that wants no progress too: an empty piece of data says that we are still there, as git does.
      if (fetch.noProgress) await lines.write(encodeBand(BAND_DATA, new Uint8Array(0)))
      await say(`Enumerating objects: ${planned}\r`)
      await lines.flush()
    })
    await say(`Enumerating objects: ${entries.length}, done.\n`)
    const stats: PackStreamStats = { objects: 0, deltas: 0, reused: 0 }
    const bands = new BandWriter()
    const options = { ofsDelta: fetch.ofsDelta, stats, ...(signal ? { signal } : {}) }
    for await (const bytes of packBytes(repository.codec, repository.objects, entries, options)) {
      onBytes?.(bytes.length)
      for (const line of bands.push(bytes)) await lines.write(line)
    }
    for (const line of bands.flush()) await lines.write(line)
    onSent?.(entries.map(({ oid }) => oid))
    await say(`Total ${stats.objects} (delta ${stats.deltas}), reused ${stats.reused} (delta 0)\n`)
  } catch (error) {
    if (error instanceof TransportError) throw error
    onFault?.(error)
    // Nobody may take what was sent so far for a whole pack.
    await lines.write(encodeBand(BAND_ERROR, encodeUtf8(`fatal: ${reasonOf(error)}\n`)))
    await lines.flush()
    throw error
  }
}

function reasonOf(error: unknown): string {
  return error instanceof StoreError || error instanceof CorruptObjectError
    ? 'the repository is damaged'
    : 'the pack could not be made'
}
