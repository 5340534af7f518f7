import type { Clock } from '../ports/clock.ts'
import { TransportError } from '../ports/errors.ts'

/** Runs a task with a signal that also ends it after `ms`. @throws TransportError `timeout`; the signal's reason; what the task throws. */
export async function withTimeout<T>(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const idle = new IdleTimeout(clock, ms, `it took longer than ${ms / 1000} s`)
  idle.touch()
  try {
    return await abortable(task, signal ? AbortSignal.any([signal, idle.signal]) : idle.signal)
  } finally {
    idle.rest()
  }
}

/** Aborts its signal when `ms` go by after a `touch` without another one (T5: bytes that flow have no deadline; silence has). */
export class IdleTimeout {
  readonly #abort = new AbortController()
  readonly #clock: Clock
  readonly #ms: number
  readonly #message: string
  #cancel: () => void = () => undefined

  constructor(clock: Clock, ms: number, message = `nothing arrived for ${ms / 1000} s`) {
    this.#clock = clock
    this.#ms = ms
    this.#message = message
  }

  /** Aborted with TransportError `timeout`. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** Something arrived, or is waited for from now on. */
  touch(): void {
    this.#cancel()
    if (!this.#abort.signal.aborted)
      this.#cancel = this.#clock.after(this.#ms, () => this.#abort.abort(new TransportError('timeout', this.#message)))
  }

  /** Nothing is waited for until the next `touch`. */
  rest(): void {
    this.#cancel()
  }
}

export interface RetryOptions {
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Tries after the first one. */
  readonly retries: number
  /** Before the first retry; doubled before each further one. Ms. */
  readonly delayMs: number
  /** Whether a failure is worth another try. Default: a TransportError that says so. */
  readonly isRetryable?: (error: unknown) => boolean
  /** Whether a failure counts as none: then the task is begun again after `delayMs`, as often as that happens. */
  readonly isWaiting?: (error: unknown) => boolean
  readonly onRetry?: (error: unknown, attempt: number) => void
}

/** Runs a task until it succeeds, fails for good, or was tried often enough (T5). @throws the last failure; the signal's reason. */
export async function retry<T>(task: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { clock, signal, retries, delayMs } = options
  const isRetryable = options.isRetryable ?? isRetryableError
  for (let attempt = 0; ;) {
    signal.throwIfAborted()
    try {
      return await task()
    } catch (error) {
      if (options.isWaiting?.(error)) {
        await clock.sleep(delayMs, signal)
        continue
      }
      if (attempt >= retries || signal.aborted || !isRetryable(error)) throw error
      options.onRetry?.(error, attempt + 1)
      await clock.sleep(delayMs * 2 ** attempt++, signal)
    }
  }
}

export function isRetryableError(error: unknown): boolean {
  return error instanceof TransportError && error.retryable
}

/** How a transfer stands, over all its tries. */
export interface TransferState {
  /** On the wire. */
  readonly bytes: number
  readonly objects: number
  /** Null while not known. */
  readonly expectedObjects: number | null
  /** Files that are here, of those that were planned, and their inflated bytes. */
  readonly files: number
  readonly content: number
  /** 0 while not known. */
  readonly expectedFiles: number
  readonly expectedContent: number
  readonly errors: readonly unknown[]
  /** Whether what arrived is kept for the next try. */
  readonly resumable: boolean
  readonly startedAt: number
}

/** Failures kept of one transfer. */
const MAX_ERRORS = 20

/** Counts a transfer. */
export class TransferTracker {
  #state: TransferState
  readonly #changed: (state: TransferState) => void
  /** What this brings is counted as a part of another transfer, which tells how far both are (T7). */
  helps = false

  constructor(startedAt: number, changed: (state: TransferState) => void = () => undefined) {
    this.#state = {
      bytes: 0,
      objects: 0,
      expectedObjects: null,
      files: 0,
      content: 0,
      expectedFiles: 0,
      expectedContent: 0,
      errors: [],
      resumable: true,
      startedAt,
    }
    this.#changed = changed
  }

  get state(): TransferState {
    return this.#state
  }

  received(bytes: number, objects = 0): void {
    this.#set({ bytes: this.#state.bytes + bytes, objects: this.#state.objects + objects })
  }

  /** The other side is about to send so many files with so many inflated bytes, beyond what is here already. */
  planned(files: number, content: number): void {
    const state = this.#state
    this.#set({
      expectedObjects: state.objects + files,
      expectedFiles: state.files + files,
      expectedContent: state.content + content,
    })
  }

  /** Of what was planned. */
  arrived(files: number, content: number): void {
    this.#set({ files: this.#state.files + files, content: this.#state.content + content })
  }

  /** `resumable`: false when what arrived cannot be trusted. */
  failed(error: unknown, resumable = isRetryableError(error)): void {
    this.#set({ errors: [...this.#state.errors, error].slice(-MAX_ERRORS), resumable })
  }

  #set(change: Partial<TransferState>): void {
    this.#state = { ...this.#state, ...change }
    this.#changed(this.#state)
  }
}

export interface RecoveryOptions extends RetryOptions {
  /** Longest silence within one try, ms. */
  readonly idleMs: number
  readonly tracker: TransferTracker
  /** Aborts when the connection is over: no try outlives it. */
  readonly disconnected?: AbortSignal
}

export interface Attempt {
  /** Ends on abort, on disconnect and on silence. */
  readonly signal: AbortSignal
  /** Touched by the task while it waits for the other side. */
  readonly idle: IdleTimeout
}

/**
 * The one wrapper around a transfer: each try has a signal that ends on abort, on disconnect and on silence; failures are counted
 * and, where it helps, tried again. A try that was ended is waited for: it may be putting away what arrived.
 */
export function withRecovery<T>(task: (attempt: Attempt) => Promise<T>, options: RecoveryOptions): Promise<T> {
  const { clock, idleMs, tracker, signal, disconnected } = options
  return retry(
    async () => {
      const idle = new IdleTimeout(clock, idleMs)
      const ended = AbortSignal.any([signal, idle.signal, ...(disconnected ? [disconnected] : [])])
      try {
        ended.throwIfAborted()
        return await task({ signal: ended, idle })
      } catch (error) {
        const reason: unknown = ended.aborted ? ended.reason : error
        if (!options.isWaiting?.(error)) tracker.failed(reason)
        throw reason
      } finally {
        idle.rest()
      }
    },
    { ...options, isRetryable: (error) => !disconnected?.aborted && (options.isRetryable ?? isRetryableError)(error) },
  )
}

/** A task that fails because its signal was aborted fails with the signal's reason. One that does not listen is not waited for. */
async function abortable<T>(task: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop!: () => void
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => reject(signal.reason as Error)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([task(signal), aborted])
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
