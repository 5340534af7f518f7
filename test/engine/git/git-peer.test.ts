import { describe, expect, it } from 'vitest'
import { exchangeWith } from '../../../src/engine/git-peer.ts'
import type { GitPeer } from '../../../src/engine/git-peer.ts'
import { TransportError } from '../../../src/ports/errors.ts'
import { streamPair } from '../../support/stream-pair.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/** A program that is gone, while one that it started holds the pipe on which its words come. */
const silent = (): GitPeer => ({
  connect: () => Promise.resolve({ stream: streamPair()[0], words: () => new Promise<string>(() => undefined) }),
})
const cut = (): Promise<never> => Promise.reject(new TransportError('disconnected', 'cut'))

describe('[T5] a conversation whose program never ends its words', () => {
  it('is given up with what is known', async () => {
    const clock = new VirtualClock()
    const { signal } = new AbortController()
    const outcome = exchangeWith(silent(), 'git-receive-pack', { clock, signal, retries: 0 }, cut).catch(
      (e: unknown) => e,
    )
    await clock.advance(60_000)
    expect(await Promise.race([outcome, Promise.resolve('still waiting')])).toMatchObject({ code: 'disconnected' })
    expect(clock.pending).toBe(0)
  })

  it('is given up when the user cancels', async () => {
    const clock = new VirtualClock()
    const stop = new AbortController()
    const options = { clock, signal: stop.signal, retries: 0 }
    const outcome = exchangeWith(silent(), 'git-receive-pack', options, cut).catch((e: unknown) => e)
    await clock.settle()
    stop.abort(new Error('cancelled'))
    await clock.settle()
    expect(await Promise.race([outcome, Promise.resolve('still waiting')])).toMatchObject({ message: 'cancelled' })
    expect(clock.pending).toBe(0)
  })
})
