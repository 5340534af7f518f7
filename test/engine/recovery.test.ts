import { beforeEach, describe, expect, it } from 'vitest'
import { IdleTimeout, retry, TransferTracker, withRecovery, withTimeout } from '../../src/engine/recovery.ts'
import { CorruptObjectError } from '../../src/objects/errors.ts'
import { ProtocolError, TransportError } from '../../src/ports/errors.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const lost = () => new TransportError('disconnected', 'lost')
const never = () => new Promise<never>(() => undefined)

describe('the recovery toolkit', () => {
  let clock: VirtualClock
  let signal: AbortSignal
  let owner: AbortController
  beforeEach(() => {
    clock = new VirtualClock()
    owner = new AbortController()
    signal = owner.signal
  })

  /** What a promise came to, once the clock went on. */
  const outcome = (promise: Promise<unknown>): { error?: unknown; value?: unknown } => {
    const result: { error?: unknown; value?: unknown } = {}
    promise.then(
      (value) => (result.value = value),
      (error: unknown) => (result.error = error),
    )
    return result
  }

  describe('timeout', () => {
    it('[D7] ends a task that takes too long, also one that does not listen', async () => {
      const result = outcome(withTimeout(clock, 60_000, undefined, never))
      await clock.advance(59_999)
      expect(result.error).toBeUndefined()
      await clock.advance(1)
      expect(result.error).toMatchObject({ code: 'timeout', retryable: true })
    })

    it('[D7] hands on what the task gives, and leaves no timer', async () => {
      await expect(withTimeout(clock, 1000, signal, async () => 7)).resolves.toBe(7)
      await expect(withTimeout(clock, 1000, signal, () => Promise.reject(lost()))).rejects.toThrow('lost')
      expect(clock.pending).toBe(0)
    })

    it('[T5] ends at once, with its reason, when the owner aborts', async () => {
      const result = outcome(withTimeout(clock, 1000, signal, never))
      owner.abort(new TransportError('aborted', 'cancelled'))
      await clock.advance(0)
      expect(result.error).toMatchObject({ code: 'aborted' })
    })
  })

  it('[T5] silence ends, bytes that flow do not', async () => {
    const idle = new IdleTimeout(clock, 30_000)
    await clock.advance(100_000)
    expect(idle.signal.aborted).toBe(false) // nothing was waited for yet
    for (let i = 0; i < 10; i++) {
      idle.touch()
      await clock.advance(29_000)
    }
    expect(idle.signal.aborted).toBe(false)
    await clock.advance(1_000)
    expect(idle.signal.reason).toMatchObject({ code: 'timeout' })
    idle.touch()
    expect(clock.pending).toBe(0)
  })

  describe('retry', () => {
    it('[T5] tries three times more, after 1, 2 and 4 seconds', async () => {
      const at: number[] = []
      const start = clock.now()
      const result = outcome(
        retry(
          async () => {
            at.push(clock.now() - start)
            throw lost()
          },
          { clock, signal, retries: 3, delayMs: 1000 },
        ),
      )
      await clock.advance(60_000)
      expect(at).toEqual([0, 1000, 3000, 7000])
      expect(result.error).toMatchObject({ code: 'disconnected' })
    })

    it.each([
      ['corruption', new CorruptObjectError('hash-mismatch', 'damaged')],
      ['a broken protocol', new ProtocolError('refused', 'no')],
      ['a cancellation', new TransportError('aborted', 'cancelled')],
    ])('[T5] does not repeat %s', async (_what, error) => {
      let tries = 0
      await expect(
        retry(() => (tries++, Promise.reject(error)), { clock, signal, retries: 3, delayMs: 1000 }),
      ).rejects.toBe(error)
      expect(tries).toBe(1)
    })

    it('[D7] stops waiting when it is aborted, and says whom it tells', async () => {
      const told: number[] = []
      const result = outcome(
        retry(() => Promise.reject(lost()), {
          ...{ clock, signal, retries: 3, delayMs: 1000 },
          onRetry: (_error, attempt) => told.push(attempt),
        }),
      )
      await clock.advance(1500)
      owner.abort(new TransportError('aborted', 'cancelled'))
      await clock.advance(0)
      expect(result.error).toMatchObject({ code: 'aborted' })
      expect([told, clock.pending]).toEqual([[1, 2], 0])
    })

    it('waits for what is busy as long as it takes', async () => {
      let tries = 0
      const busy = new Error('busy')
      const result = outcome(
        retry(async () => (++tries < 20 ? Promise.reject(busy) : 'done'), {
          ...{ clock, signal, retries: 0, delayMs: 1000 },
          isWaiting: (error) => error === busy,
        }),
      )
      await clock.advance(19_000)
      expect(result.value).toBe('done')
    })
  })

  describe('the wrapper', () => {
    const options = (tracker: TransferTracker) => ({
      clock,
      signal,
      retries: 3,
      delayMs: 1000,
      idleMs: 30_000,
      tracker,
    })

    it('[T5] tries a silent transfer again and counts what went wrong', async () => {
      const tracker = new TransferTracker(clock.now())
      let tries = 0
      const result = outcome(
        withRecovery(async ({ signal: ended, idle }) => {
          if (++tries === 3) return 'here'
          idle.touch()
          tracker.received(100)
          return new Promise((_resolve, reject) =>
            ended.addEventListener('abort', () => reject(new Error('stream reset'))),
          )
        }, options(tracker)),
      )
      await clock.advance(63_000)
      expect(result.value).toBe('here')
      expect(tracker.state).toMatchObject({ bytes: 200, resumable: true })
      expect(tracker.state.errors).toMatchObject([{ code: 'timeout' }, { code: 'timeout' }])
      expect(clock.pending).toBe(0)
    })

    it('[D7] gives up when the connection is over', async () => {
      const link = new AbortController()
      const tracker = new TransferTracker(clock.now())
      const result = outcome(
        withRecovery(
          ({ signal: ended }) =>
            new Promise((_resolve, reject) => ended.addEventListener('abort', () => reject(lost()))),
          { ...options(tracker), disconnected: link.signal },
        ),
      )
      link.abort(lost())
      await clock.advance(60_000)
      expect(result.error).toMatchObject({ code: 'disconnected' })
      expect(tracker.state.errors).toHaveLength(1)
    })

    it('[T2] says that damaged content is nothing to go on with', async () => {
      const tracker = new TransferTracker(clock.now())
      const damaged = new CorruptObjectError('hash-mismatch', 'damaged')
      await expect(withRecovery(() => Promise.reject(damaged), options(tracker))).rejects.toBe(damaged)
      expect(tracker.state.resumable).toBe(false)
    })
  })
})
