import type { Rights } from '../peers/grants.ts'
import type { Oid } from '../objects/oid.ts'
import { TransportError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { ByteStream } from '../ports/transport.ts'
import type { GitOutcome } from '../protocol/git/git-session.ts'
import type { GitService } from '../protocol/git/service-request.ts'
import type { ShareName } from '../protocol/messages.ts'
import { GIT_AGENT } from './app.ts'
import { serveGitStream } from './git-server.ts'
import type { GitEndpoint } from './git-server.ts'
import type { Link } from './link.ts'
import type { Share } from './share.ts'
import type { SendProgress } from './transfer-progress.ts'
import { vaultEndpoint } from './vault-git.ts'

/**
 * Whether a stream that a peer opened is for git, by its first byte: git's first line begins with its length in hex digits. A frame of
 * ours that began so would be longer than any may be (T8).
 */
export function isGitStream(firstByte: number): boolean {
  return /^[0-9a-f]$/i.test(String.fromCharCode(firstByte))
}

interface Asked {
  readonly path: string
  readonly service: GitService
  /** Whether refs were looked at, as stock git does first of all. */
  refs: boolean
  /** Whether it asked for sizes, so that it is known what it is about to fetch. */
  sizes: boolean
}

/** Serves git's protocol on the streams of links, to devices and to stock git: `git-upload-pack /<share>` to who may see the share, `git-receive-pack` too (T1, T4). */
export class GitTraffic {
  readonly #running = new Map<Link, Map<AbortController, ShareName>>()

  constructor(
    private readonly shares: ReadonlyMap<ShareName, Share>,
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly links: {
      /** S1: asked at each decision. */
      rights(link: Link): Rights
      /** Hears what a peer is sent of files. */
      sending(link: Link): SendProgress
    },
  ) {}

  /** Answers one stream to its end. @throws TransportError, StoreError; what the peer did wrong it is told on the stream. */
  async serve(link: Link, stream: ByteStream): Promise<void> {
    const abort = new AbortController()
    abort.signal.addEventListener('abort', () => stream.abort(), { once: true })
    const running = this.#running.get(link) ?? new Map<AbortController, ShareName>()
    this.#running.set(link, running.set(abort, ''))
    let asked: Asked | undefined
    try {
      const outcome = await serveGitStream(stream, (path, service) => {
        const now: Asked = (asked = { path, service, refs: service === 'git-receive-pack', sizes: false })
        const share = this.#shareAt(link, path)
        if (!share) return undefined
        running.set(abort, share.name)
        return this.#endpoint(link, share, abort.signal, now)
      })
      this.#tell(link, asked, outcome)
    } finally {
      if (asked?.sizes) this.links.sending(link).end()
      running.delete(abort)
      if (!running.size) this.#running.delete(link)
    }
  }

  /** S5: ends what runs on a link at once; of one share, or (by default) everything. */
  abandon(link: Link, share?: ShareName): void {
    for (const [abort, name] of this.#running.get(link) ?? [])
      if (share === undefined || name === share)
        abort.abort(new TransportError('disconnected', 'the connection was lost'))
  }

  /** S5: a share that the peer may not see and one that there is not are the same. */
  #shareAt(link: Link, path: string): Share | undefined {
    const name = path.replace(/^\//, '').replace(/\/$/, '')
    return this.links.rights(link).reveal(name) ? this.shares.get(name) : undefined
  }

  #endpoint(link: Link, share: Share, signal: AbortSignal, asked: Asked): GitEndpoint {
    const { objects } = share.repository
    const rights = this.links.rights(link)
    const mayWrite = (): boolean => rights.reveal(share.name) && rights.write(share.name)
    const endpoint = vaultEndpoint(share, {
      agent: GIT_AGENT,
      canWrite: mayWrite,
      signal,
      breathe: () => this.clock.sleep(0, signal),
      ...(objects.spool ? { spool: () => objects.spool!() } : {}),
    })
    const { upload, receive } = endpoint
    const sending = this.links.sending(link)
    const sizes = new Map<Oid, number>()
    let begun = false
    // A device asks how large the files are that it lacks before it fetches them, in several questions; stock git does not.
    const onSizes = (found: ReadonlyMap<Oid, number>): void => {
      asked.sizes = true
      if (begun) sizes.clear()
      begun = false
      for (const [oid, size] of found) sizes.set(oid, size)
      sending.plan(sizes.size, sum(sizes.values()))
    }
    const onSent = (oids: Iterable<Oid>): void => {
      const sent = [...oids].flatMap((oid) => sizes.get(oid) ?? [])
      if (sent.length === 0) return
      begun = true
      sending.sent(sent.length, sum(sent))
    }
    const onBytes = (count: number): void => void (link.traffic.bytesSent += count)
    const onRefs = (): void => void (asked.refs = true)
    const onFault = (error: unknown, oid?: Oid): void => {
      if (share.repository.noteLoss(error, oid)) void share.settle() // perhaps a file here still has it
    }
    // Who may write may ask for anything in the share, also for what no ref reaches any more and it has lost (T1); who only reads, for
    // what the refs reach.
    const watched = { onBytes, onRefs, onSizes, onSent, onFault, anyObject: mayWrite() }
    return {
      ...(upload ? { upload: { ...upload, ...watched } } : {}),
      ...(receive ? { receive: { ...receive, onBytes: (count) => (link.traffic.bytesReceived += count) } } : {}),
    }
  }

  /** A device's own fetch is told by the device that fetches. */
  #tell(link: Link, asked: Asked | undefined, outcome: GitOutcome): void {
    const peer = link.remoteId
    if (outcome.result === 'refused') {
      const { code, message } = outcome
      this.logger.log('warn', 'git.refused', `a git command of another device was refused: ${message}`, { peer, code })
    } else if (asked?.refs) {
      const what = asked.service === 'git-receive-pack' ? 'pushed to' : 'fetched from'
      this.logger.log('info', 'git.served', `another device ${what} this one with git`, {
        peer,
        path: asked.path,
        service: asked.service,
      })
    }
  }
}

function sum(numbers: Iterable<number>): number {
  let all = 0
  for (const each of numbers) all += each
  return all
}
