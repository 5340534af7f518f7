import type { Rights } from '../peers/grants.ts'
import { TransportError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { ByteStream } from '../ports/transport.ts'
import type { GitOutcome } from '../protocol/git/git-session.ts'
import type { GitService } from '../protocol/git/service-request.ts'
import type { ShareName } from '../protocol/messages.ts'
import { APP_VERSION } from './app.ts'
import { serveGitStream } from './git-server.ts'
import type { GitEndpoint } from './git-server.ts'
import type { Link } from './link.ts'
import type { Share } from './share.ts'
import { vaultEndpoint } from './vault-git.ts'

/** How git's `agent` capability calls us. */
export const GIT_AGENT = `tandem/${APP_VERSION}`

/**
 * Whether a stream that a peer opened is for git, by its first byte: git's first line begins with its length in hex digits. A frame of
 * ours that began so would be longer than any may be (T8).
 */
export function isGitStream(firstByte: number): boolean {
  return /^[0-9a-f]$/i.test(String.fromCharCode(firstByte))
}

/** Serves stock git on the streams of links: `git-upload-pack /<share>` to who may see the share, `git-receive-pack` too (T1, T4). */
export class GitTraffic {
  readonly #running = new Map<Link, Map<AbortController, ShareName>>()

  constructor(
    private readonly shares: ReadonlyMap<ShareName, Share>,
    private readonly clock: Clock,
    private readonly logger: Logger,
    /** S1: asked at each decision. */
    private readonly rightsOf: (link: Link) => Rights,
  ) {}

  /** Answers one stream to its end. @throws TransportError, StoreError; what the peer did wrong it is told on the stream. */
  async serve(link: Link, stream: ByteStream): Promise<void> {
    const abort = new AbortController()
    abort.signal.addEventListener('abort', () => stream.abort(), { once: true })
    const running = this.#running.get(link) ?? new Map<AbortController, ShareName>()
    this.#running.set(link, running.set(abort, ''))
    let asked: { path: string; service: GitService } | undefined
    try {
      const outcome = await serveGitStream(stream, (path, service) => {
        asked = { path, service }
        const share = this.#shareAt(link, path)
        if (!share) return undefined
        running.set(abort, share.name)
        return this.#endpoint(link, share, abort.signal)
      })
      this.#tell(link, asked, outcome)
    } finally {
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
    return this.rightsOf(link).reveal(name) ? this.shares.get(name) : undefined
  }

  #endpoint(link: Link, share: Share, signal: AbortSignal): GitEndpoint {
    const { objects } = share.repository
    const rights = this.rightsOf(link)
    const mayWrite = (): boolean => rights.reveal(share.name) && rights.write(share.name)
    const endpoint = vaultEndpoint(share, {
      agent: GIT_AGENT,
      canWrite: mayWrite,
      signal,
      breathe: () => this.clock.sleep(0, signal),
      ...(objects.spool ? { spool: () => objects.spool!() } : {}),
    })
    const { upload, receive } = endpoint
    return {
      ...(upload ? { upload: { ...upload, onBytes: (count) => (link.traffic.bytesSent += count) } } : {}),
      ...(receive ? { receive: { ...receive, onBytes: (count) => (link.traffic.bytesReceived += count) } } : {}),
    }
  }

  #tell(link: Link, asked: { path: string; service: GitService } | undefined, outcome: GitOutcome): void {
    const peer = link.remoteId
    if (outcome.result === 'refused') {
      const { code, message } = outcome
      this.logger.log('warn', 'git.refused', `a git command of another device was refused: ${message}`, { peer, code })
    } else if (asked) {
      const what = asked.service === 'git-receive-pack' ? 'pushed to' : 'fetched from'
      this.logger.log('info', 'git.served', `another device ${what} this one with git`, { peer, ...asked })
    }
  }
}
