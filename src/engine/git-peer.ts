import { CorruptObjectError } from '../objects/errors.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { ByteStream } from '../ports/transport.ts'
import type { GitService } from '../protocol/git/service-request.ts'
import { TransferTracker, withRecovery, withTimeout } from './recovery.ts'
import type { IdleTimeout, TransferState } from './recovery.ts'

/** One conversation with git's protocol at its other end. */
export interface GitConversation {
  readonly stream: ByteStream
  /** Sent as the service request; absent when the program at the other end was started for us. */
  readonly path?: string
  /**
   * Whether the other side reads what was sent to it also when it refuses, so that more may be sent before its first word came.
   * A plain daemon hangs up, and what it said may be lost with that.
   */
  readonly readsOn?: boolean
  /** Once it is over: what the program said to people, for errors. */
  words?(): Promise<string>
}

/** Where git's protocol is spoken: a peer's share on streams of a link, a daemon, a program on a pipe. */
export interface GitPeer {
  /** Begins a conversation; each try gets one of its own. @throws TransportError, ProtocolError */
  connect(service: GitService, signal: AbortSignal): Promise<GitConversation>
}

/** A share that one of our own servers serves, on a new stream for each conversation. */
export function gitPeerAt(path: string, openStream: (signal: AbortSignal) => Promise<ByteStream>): GitPeer {
  return { connect: async (_service, signal) => ({ stream: await openStream(signal), path, readsOn: true }) }
}

export type TransferPhase = 'fetch' | 'push'

export interface ExchangeOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Over all tries of one conversation. */
  readonly onProgress?: (phase: TransferPhase, transfer: TransferState) => void
  /** Longest silence of the other side, ms (T5). */
  readonly idleMs?: number
  /** Tries after the first, and the time before the first of them, ms, doubled each time (T5). */
  readonly retries?: number
  readonly delayMs?: number
}

/** T5. */
const IDLE_MS = 30_000
const RETRIES = 3
const RETRY_MS = 1000
/** For the last words of a program that was ended: what it started itself may live on and hold the pipe. */
const WORDS_MS = 5000

export interface Exchange extends GitConversation {
  readonly signal: AbortSignal
  readonly onBytes: (count: number) => void
}

/**
 * One exchange with a peer's git: a conversation that is cut or falls silent is begun anew (T5), so `talk` has to look again at what
 * is there. Who cannot be reached at all is not asked again.
 * @throws ProtocolError `refused` with the other side's words; TransportError; the signal's reason; what `talk` throws
 */
export function exchangeWith<T>(
  peer: GitPeer,
  service: GitService,
  options: ExchangeOptions,
  talk: (exchange: Exchange) => Promise<T>,
): Promise<T> {
  const { clock, signal, onProgress } = options
  const phase: TransferPhase = service === 'git-upload-pack' ? 'fetch' : 'push'
  const tracker = new TransferTracker(clock.now(), (state) => onProgress?.(phase, state))
  return withRecovery(
    async ({ signal: ended, idle }) => {
      const conversation = await peer.connect(service, ended)
      const stream = touching(conversation.stream, idle)
      try {
        return await talk({ ...conversation, stream, signal: ended, onBytes: (count) => tracker.received(count) })
      } catch (error) {
        stream.abort()
        const isTheirs =
          error instanceof TransportError || error instanceof ProtocolError || error instanceof CorruptObjectError
        if (ended.aborted || !isTheirs) throw error
        const words = await wordsOf(conversation, clock, ended)
        if (words === '') throw error
        throw new ProtocolError('refused', words, {}, { cause: error })
      }
    },
    {
      clock,
      signal,
      tracker,
      idleMs: options.idleMs ?? IDLE_MS,
      retries: options.retries ?? RETRIES,
      delayMs: options.delayMs ?? RETRY_MS,
      isRetryable: (error) => error instanceof TransportError && error.retryable && error.code !== 'unreachable',
    },
  )
}

/** Empty when it says nothing, or does not come to an end. @throws the signal's reason */
async function wordsOf(conversation: GitConversation, clock: Clock, signal: AbortSignal): Promise<string> {
  try {
    return await withTimeout(clock, WORDS_MS, signal, async () => (await conversation.words?.()) ?? '')
  } catch (error) {
    if (signal.aborted || !(error instanceof TransportError)) throw error
    return ''
  }
}

/** The same stream; its silence counts while something of it is waited for, our own work in between does not. */
function touching(stream: ByteStream, idle: IdleTimeout): ByteStream {
  let waiting = 0
  const waited = async <T>(work: Promise<T>): Promise<T> => {
    waiting++
    idle.touch()
    try {
      return await work
    } finally {
      if (--waiting > 0) idle.touch()
      else idle.rest()
    }
  }
  return {
    read: (max) => waited(stream.read(max)),
    write: (bytes) => waited(stream.write(bytes)),
    finish: () => waited(stream.finish()),
    abort: () => stream.abort(),
  }
}
