import type { Clock } from '../../ports/clock.ts'
import { TransportError } from '../../ports/errors.ts'

export interface DialBounds<T> {
  readonly clock: Clock
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
  /** Nobody waits any more. */
  onAbandoned?(): void
  /** It succeeded all the same, afterwards. */
  onLate(result: T): void
}

/**
 * The outcome of a dial that cannot be stopped itself, or the deadline, or the signal, whichever comes first.
 * @throws TransportError `timeout`, `aborted`; and whatever the dial throws.
 */
export function boundedDial<T>(start: () => Promise<T>, bounds: DialBounds<T>): Promise<T> {
  const { clock, timeoutMs, signal } = bounds
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(abortedError(signal))
    let waiting = true
    const settle = (outcome: () => void): void => {
      waiting = false
      cancel()
      signal?.removeEventListener('abort', onAbort)
      outcome()
    }
    const abandon = (error: TransportError): void => {
      settle(() => reject(error))
      bounds.onAbandoned?.()
    }
    const onAbort = (): void => abandon(abortedError(signal!))
    const cancel = clock.after(timeoutMs, () => {
      abandon(new TransportError('timeout', `The device did not answer within ${timeoutMs / 1000} seconds.`))
    })
    signal?.addEventListener('abort', onAbort, { once: true })
    start().then(
      (result) => (waiting ? settle(() => resolve(result)) : bounds.onLate(result)),
      (error: Error) => waiting && settle(() => reject(error)),
    )
  })
}

function abortedError(signal: AbortSignal): TransportError {
  return new TransportError('aborted', 'The attempt to connect was cancelled.', {}, { cause: signal.reason })
}
