import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { vaultInstance, vaultNames } from '../../../src/adapters/obsidian/vault-instance.ts'
import { acquireVaultLock, waitForVaultLock } from '../../../src/adapters/obsidian/vault-lock.ts'
import { TimeSlices } from '../../../src/adapters/obsidian/time-slices.ts'
import type { Locks } from '../../../src/adapters/obsidian/vault-lock.ts'
import { wakeEvents } from '../../../src/adapters/obsidian/wake-events.ts'
import { windowClock } from '../../../src/adapters/obsidian/window-clock.ts'

describe('the window’s clock', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const open = () => windowClock(globalThis)

  it('sleeps, calls back once, and can be cancelled', async () => {
    const clock = open()
    const called: string[] = []
    clock.after(10, () => called.push('after'))
    clock.after(10, () => called.push('never'))()
    void clock.sleep(20).then(() => called.push('slept'))
    await vi.advanceTimersByTimeAsync(25)
    expect([called, vi.getTimerCount()]).toEqual([['after', 'slept'], 0])
  })

  it('ends a sleep with the signal’s reason', async () => {
    const clock = open()
    const stop = new AbortController()
    const sleep = clock.sleep(1000, stop.signal)
    stop.abort(new Error('enough'))
    await expect(sleep).rejects.toThrow('enough')
    await expect(clock.sleep(1, stop.signal)).rejects.toThrow('enough')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('[L9] leaves no timer when it is closed, and starts none afterwards', async () => {
    const clock = open()
    const called: string[] = []
    clock.after(10, () => called.push('after'))
    const sleep = clock.sleep(10)
    clock.close()
    clock.after(10, () => called.push('late'))
    await expect(sleep).rejects.toMatchObject({ name: 'AbortError' })
    await expect(clock.sleep(10)).rejects.toMatchObject({ name: 'AbortError' })
    await vi.advanceTimersByTimeAsync(100)
    expect([called, vi.getTimerCount()]).toEqual([[], 0])
  })

  it('waits for a month, which a timer cannot, rather than not at all', async () => {
    const clock = open()
    let called = false
    clock.after(31 * 24 * 3600 * 1000, () => (called = true))
    await vi.advanceTimersByTimeAsync(3600 * 1000)
    expect(called).toBe(false)
    clock.close()
  })
})

describe('slices of time', () => {
  const stage = () => {
    const state = { now: 0, typing: false, turns: 0 }
    const slices = new TimeSlices({
      now: () => state.now,
      isInputPending: () => state.typing,
      nextTurn: async () => void state.turns++,
    })
    return { state, slices }
  }

  it('end when work has kept the thread for a quarter of a frame, and begin anew with the turn', async () => {
    const { state, slices } = stage()
    state.now = 3
    expect(slices.breathe()).toBeUndefined()
    state.now = 4
    await slices.breathe()
    expect(state.turns).toBe(1)
    state.now = 7
    expect(slices.breathe()).toBeUndefined()
  })

  it('end at once when somebody types', async () => {
    const { state, slices } = stage()
    state.now = 1
    state.typing = true
    await slices.breathe()
    expect(state.turns).toBe(1)
    state.typing = false
    expect(slices.breathe()).toBeUndefined()
  })

  it('take a turn from the platform when none is given', async () => {
    let now = 0
    let turned = false
    const slices = new TimeSlices({ now: () => now })
    now = 100
    setTimeout(() => (turned = true))
    while (!turned) {
      now += 100
      await slices.pause()
    }
    expect(turned).toBe(true)
  })
})

describe('waking up [L4]', () => {
  const stage = () => {
    const window = new EventTarget()
    const document = new EventTarget() as EventTarget & { visibilityState: DocumentVisibilityState }
    document.visibilityState = 'visible'
    let now = 0
    let wakes = 0
    const stop = wakeEvents(
      window as Window,
      document,
      () => wakes++,
      () => now,
    )
    return { window, document, stop, later: (ms: number) => void (now += ms), wakes: () => wakes }
  }

  it('is told of focus, of becoming visible and of the network, and not of being hidden', () => {
    const { window, document, later, wakes } = stage()
    window.dispatchEvent(new Event('focus'))
    later(5000)
    document.visibilityState = 'hidden'
    document.dispatchEvent(new Event('visibilitychange'))
    expect(wakes()).toBe(1)
    document.visibilityState = 'visible'
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('online'))
    expect(wakes()).toBe(3)
  })

  it('counts focus and becoming visible together once', () => {
    const { window, document, wakes } = stage()
    document.dispatchEvent(new Event('visibilitychange'))
    window.dispatchEvent(new Event('focus'))
    expect(wakes()).toBe(1)
  })

  it('[L9] is silent once stopped', () => {
    const { window, document, stop, wakes } = stage()
    stop()
    for (const name of ['focus', 'online']) window.dispatchEvent(new Event(name))
    for (const name of ['visibilitychange', 'resume']) document.dispatchEvent(new Event(name))
    expect(wakes()).toBe(0)
  })
})

describe('the name of a vault on this device', () => {
  const appOf = (stored: Map<string, unknown>, appId?: unknown) => ({
    ...(appId === undefined ? {} : { appId }),
    loadLocalStorage: (key: string) => stored.get(key) ?? null,
    saveLocalStorage: (key: string, value: unknown) => void stored.set(key, value),
  })

  it('is Obsidian’s own id of it', () => {
    const stored = new Map()
    expect(vaultInstance(appOf(stored, '0123456789abcdef'))).toBe('0123456789abcdef')
    expect(stored.size).toBe(0)
  })

  it.each([undefined, 5, '', '../../other', 'x'.repeat(100)])('is made once where the id is %j, and stays', (appId) => {
    const stored = new Map()
    const made = vaultInstance(appOf(stored, appId))
    expect(made).toMatch(/^[0-9a-f]{32}$/)
    // Also when a later version of Obsidian has an id.
    expect(vaultInstance(appOf(stored, '0123456789abcdef'))).toBe(made)
    expect(vaultInstance(appOf(new Map(), appId))).not.toBe(made)
  })

  it('gives databases and lock names of their own', () => {
    const names = [...Object.values(vaultNames('one-vault')), ...Object.values(vaultNames('two-vault'))]
    expect(new Set(names).size).toBe(6)
  })
})

/** As Web Locks: one holder per name, in the order of asking. */
class FakeLocks implements Locks {
  readonly #tails = new Map<string, Promise<void>>()
  readonly #held = new Set<string>()

  async request(...[name, options, work]: Parameters<Locks['request']>): Promise<unknown> {
    if (options.signal?.aborted) throw new DOMException('aborted', 'AbortError')
    if (options.ifAvailable && this.#held.has(name)) return work(null)
    const before = this.#tails.get(name)
    let done!: () => void
    this.#tails.set(name, new Promise((resolve) => (done = resolve)))
    if (before) {
      const aborted = new Promise<never>((_, reject) =>
        options.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))),
      )
      try {
        await Promise.race([before, aborted])
      } catch (cause) {
        void before.then(done)
        throw cause
      }
    }
    this.#held.add(name)
    try {
      return await work({ name })
    } finally {
      this.#held.delete(name)
      done()
    }
  }
}

describe('the lock of a vault', () => {
  it('is held by one window, and free when that gives it back', async () => {
    const locks = new FakeLocks()
    const release = await acquireVaultLock('vault', locks)
    expect(await acquireVaultLock('vault', locks)).toBeNull()
    expect(await acquireVaultLock('other', locks)).not.toBeNull()
    release!()
    release!()
    await vi.waitFor(async () => expect(await acquireVaultLock('vault', locks)).not.toBeNull())
  })

  it('is waited for, and said so', async () => {
    const locks = new FakeLocks()
    const events: string[] = []
    const signal = new AbortController().signal
    const first = await waitForVaultLock('vault', () => events.push('never'), signal, locks)
    const second = waitForVaultLock('vault', () => events.push('waiting'), signal, locks).then((release) => {
      events.push('got it')
      return release
    })
    await vi.waitFor(() => expect(events).toEqual(['waiting']))
    first()
    ;(await second)()
    expect(events).toEqual(['waiting', 'got it'])
  })

  it('is not waited for any more when aborted', async () => {
    const locks = new FakeLocks()
    await acquireVaultLock('vault', locks)
    const stop = new AbortController()
    const waiting = waitForVaultLock('vault', () => stop.abort(new Error('unloaded')), stop.signal, locks)
    await expect(waiting).rejects.toThrow('unloaded')
    await expect(waitForVaultLock('vault', () => undefined, stop.signal, locks)).rejects.toThrow('unloaded')
  })

  it('is there for the asking where a platform has none', async () => {
    vi.stubGlobal('navigator', {})
    const release = await acquireVaultLock('vault')
    expect(release).toBeTypeOf('function')
    vi.unstubAllGlobals()
  })
})
