import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'
import { fetchFromPeer } from '../../../src/engine/fetch-from-peer.ts'
import type { GitPeer } from '../../../src/engine/git-peer.ts'
import { pushToPeer } from '../../../src/engine/push-to-peer.ts'
import type { SyncOptions } from '../../../src/engine/sync-with-peer.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import { TransportError } from '../../../src/ports/errors.ts'
import type { ByteStream } from '../../../src/ports/transport.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { Folders } from './git-fixture.ts'
import { branch, CARRIERS, counting, results, syncSide, twoSides } from './sync-fixture.ts'
import type { Carrier, Side } from './sync-fixture.ts'

const PATIENT = 60_000
const MAIN = branch('main')
const MEMORY = CARRIERS['our server over memory streams']!
const PIPES = CARRIERS['stock git on pipes']!

const folders = new Folders()
let here: Side
let there: Side
let base: string
let carrier: Carrier | null = null
const never = new AbortController().signal

beforeEach(() => {
  ;({ base, here, there } = twoSides(folders))
})
afterEach(async () => {
  await carrier?.close()
  carrier = null
  for (const side of [here, there]) {
    await side.close()
    expect(side.faults()).toBe('')
  }
})
afterAll(() => folders.dispose())

const sync = (peer: GitPeer, more: Partial<SyncOptions> = {}) => syncSide(here, peer, more)

describe('[T5] an exchange', () => {
  /** Ends after so many bytes were read: the connection breaks, or the other side dies and its half ends. */
  const cutAfter =
    (bytes: number, how: 'lost' | 'ended' = 'lost') =>
    (stream: ByteStream, count: number): ByteStream => {
      let left = count === 1 ? bytes : Infinity
      return {
        read: async (max) => {
          if (left <= 0) {
            stream.abort()
            if (how === 'ended') return null
            throw new TransportError('disconnected', 'the connection was lost')
          }
          const chunk = await stream.read(Math.min(max ?? left, left))
          left -= chunk?.length ?? 0
          return chunk
        },
        write: (chunk) => stream.write(chunk),
        finish: () => stream.finish(),
        abort: () => stream.abort(),
      }
    }

  it.each([
    [0, 'lost'],
    [100, 'lost'],
    [600, 'ended'],
    [5000, 'lost'],
    [5000, 'ended'],
  ] as const)(
    'that is cut after %i bytes, %s, is begun anew, and loses nothing',
    async (bytes, how) => {
      const noise = (i: number) => createHash('sha512').update(`${i}`).digest('base64')
      const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`${i}.md`, noise(i)]))
      const theirs = there.edit('main', files)
      carrier = await MEMORY(there, base)
      const { peer, count } = counting(carrier.peer, 'git-upload-pack', cutAfter(bytes, how))
      const seen: number[] = []
      const report = await sync(peer, { onProgress: (phase, { bytes }) => phase === 'fetch' && seen.push(bytes) })
      expect(results(report)).toEqual({ main: 'fetched' })
      expect([here.refs().get(MAIN), count()]).toEqual([theirs, 2])
      expect(seen.at(-1)).toBeGreaterThan(0)
    },
    PATIENT,
  )

  it('that ends behind any of its lines is begun anew', { timeout: PATIENT }, async () => {
    there.edit('main', { 'There.md': 'there\n' })
    carrier = await MEMORY(there, base)
    const { repository } = await here.opened()
    const fetch = (peer: GitPeer) =>
      fetchFromPeer(repository, peer, {
        clock: systemClock,
        signal: never,
        prefixes: ['refs/'],
        delayMs: 1,
        wants: () => [],
      })
    let text = ''
    const heard = (stream: ByteStream): ByteStream => ({
      read: async (max) => {
        const bytes = await stream.read(max)
        text += Buffer.from(bytes ?? []).toString('latin1')
        return bytes
      },
      write: (bytes) => stream.write(bytes),
      finish: () => stream.finish(),
      abort: () => stream.abort(),
    })
    await fetch(counting(carrier.peer, 'git-upload-pack', heard).peer)
    const ends: number[] = []
    for (let at = 0; at < text.length; ends.push(at)) at += Math.max(4, parseInt(text.slice(at, at + 4), 16))
    expect(ends.length).toBeGreaterThan(6)
    for (const end of ends.slice(0, -1)) {
      const { peer, count } = counting(carrier.peer, 'git-upload-pack', cutAfter(end, 'ended'))
      await fetch(peer)
      expect([end, count()]).toEqual([end, 2])
    }
  })

  it('is given up after three more tries, and no ref has moved', { timeout: PATIENT }, async () => {
    there.edit('main', { 'There.md': 'there\n' })
    const ours = here.refs()
    carrier = await MEMORY(there, base)
    const always = (stream: ByteStream): ByteStream => cutAfter(300)(stream, 1)
    const { peer, count } = counting(carrier.peer, 'git-upload-pack', always)
    await expect(sync(peer)).rejects.toMatchObject({ code: 'disconnected' })
    expect(count()).toBe(4)
    expect(here.refs()).toEqual(ours)
  })

  it('whose answer was lost is not done twice: the ref is where it was to go', { timeout: PATIENT }, async () => {
    const ours = here.edit('main', { 'Here.md': 'here\n' })
    carrier = await PIPES(there, base)
    const losing = (stream: ByteStream, count: number): ByteStream => {
      let sent = false
      return {
        write: (bytes) => {
          sent ||= Buffer.from(bytes).includes('PACK')
          return stream.write(bytes)
        },
        read: async (max) => {
          const bytes = await stream.read(max)
          if (!sent || count > 1) return bytes
          while ((await stream.read()) !== null);
          throw new TransportError('disconnected', 'the connection was lost')
        },
        finish: () => stream.finish(),
        abort: () => stream.abort(),
      }
    }
    const { peer, count } = counting(carrier.peer, 'git-receive-pack', losing)
    expect(results(await sync(peer))).toEqual({ main: 'pushed' })
    expect([there.refs().get(MAIN), count()]).toEqual([ours, 2])
  })

  it('ends when the other side is silent for 30 s, and leaves no timer', { timeout: PATIENT }, async () => {
    const { repository } = await here.opened()
    const clock = new VirtualClock()
    let opened = 0
    const peer: GitPeer = {
      connect: async (_service, signal) => {
        opened++
        const given = (): Error => new TransportError('aborted', 'given up here')
        const stream: ByteStream = {
          read: () => new Promise((_, reject) => signal.addEventListener('abort', () => reject(given()))),
          write: async () => undefined,
          finish: async () => undefined,
          abort: () => undefined,
        }
        return { stream }
      },
    }
    const fetched = fetchFromPeer(repository, peer, { clock, signal: never, prefixes: ['refs/'], retries: 1 })
    const outcome = expect(fetched).rejects.toMatchObject({ code: 'timeout' })
    for (let i = 0; i < 4; i++) await clock.advance(30_000)
    await outcome
    expect([opened, clock.pending]).toEqual([2, 0])
  })

  it('is cancelled at once, with its reason', { timeout: PATIENT }, async () => {
    there.edit('main', { 'There.md': 'there\n' })
    const ours = here.refs()
    carrier = await PIPES(there, base)
    const abort = new AbortController()
    const onProgress = () => abort.abort(new Error('enough'))
    await expect(sync(carrier.peer, { signal: abort.signal, onProgress })).rejects.toThrow('enough')
    expect(here.refs()).toEqual(ours)
  })

  it('with who refuses is not repeated, and tells its words', { timeout: PATIENT }, async () => {
    carrier = await MEMORY(there, base)
    const { peer, count } = counting(
      { connect: async (service, signal) => ({ ...(await carrier!.peer.connect(service, signal)), path: '/other' }) },
      'git-upload-pack',
    )
    await expect(sync(peer)).rejects.toMatchObject({
      code: 'refused',
      message: expect.stringContaining('access denied or repository not exported: /other') as string,
    })
    expect(count()).toBe(1)
  })
})

describe('[T2] what a peer’s refs name', () => {
  const fetching = { clock: systemClock, signal: never, prefixes: ['refs/'] }

  it('is brought here and known, while no ref of ours moves', { timeout: PATIENT }, async () => {
    const theirs = there.edit('side', { 'Side.md': 'side\n' }, MAIN)
    carrier = await MEMORY(there, base)
    const { repository } = await here.opened()
    const ours = here.refs()
    const { refs, unusable, received } = await fetchFromPeer(repository, carrier.peer, fetching)
    expect([refs.get(branch('side')), unusable.size, received]).toEqual([theirs, 0, 3])
    expect([repository.graph.has(theirs), here.refs()]).toEqual([true, ours])
  })

  it('is of no use when it is no commit, or not all of it came', { timeout: PATIENT }, async () => {
    const theirs = there.edit('side', { 'Side.md': 'side\n' }, MAIN)
    there.git.run('tag', '--annotate', '--message', 'A tag', 'v1', 'main')
    carrier = await PIPES(there, base)
    const { repository } = await here.opened()
    const { refs, unusable } = await fetchFromPeer(repository, carrier.peer, { ...fetching, wants: () => [] })
    expect([...refs.keys()]).toEqual([MAIN])
    expect(unusable.get('refs/tags/v1')).toMatchObject({ reason: 'unfit' })
    expect(unusable.get(branch('side'))).toMatchObject({ oid: theirs, reason: 'incomplete' })
  })

  it('a push moves a ref only from the value that it names', { timeout: PATIENT }, async () => {
    const ours = here.edit('main', { 'Here.md': 'here\n' })
    const theirs = there.edit('main', { 'There.md': 'there\n' })
    carrier = await MEMORY(there, base)
    const { repository } = await here.opened()
    await repository.recall(ours)
    const from = here.git.text('rev-parse', 'main^') as Oid
    const outcomes = await pushToPeer(
      repository,
      carrier.peer,
      [
        { name: MAIN, from, to: ours },
        { name: branch('new'), from: null, to: ours },
      ],
      fetching,
    )
    expect([...outcomes]).toEqual([
      [MAIN, 'fetch first'],
      [branch('new'), null],
    ])
    expect([there.refs().get(MAIN), there.refs().get(branch('new'))]).toEqual([theirs, ours])
  })

  it('[T1] takes one round trip to see that nothing is new, with few bytes', { timeout: PATIENT }, async () => {
    carrier = await MEMORY(there, base)
    const { repository } = await here.opened()
    const log: { way: 'out' | 'in'; bytes: number }[] = []
    const logged = (stream: ByteStream): ByteStream => ({
      write: (bytes) => {
        log.push({ way: 'out', bytes: bytes.length })
        return stream.write(bytes)
      },
      read: async (max) => {
        const bytes = await stream.read(max)
        if (bytes) log.push({ way: 'in', bytes: bytes.length })
        return bytes
      },
      finish: () => stream.finish(),
      abort: () => stream.abort(),
    })
    const { peer } = counting(carrier.peer, 'git-upload-pack', logged)
    const { received } = await fetchFromPeer(repository, peer, fetching)
    const sum = (way: string) => log.filter((one) => one.way === way).reduce((all, { bytes }) => all + bytes, 0)
    const ways = log.map(({ way }) => way).filter((way, i, all) => way !== all[i - 1])
    expect(received).toBe(0)
    expect(ways).toEqual(['out', 'in', 'out']) // the last is the goodbye
    expect([sum('out') < 1024, sum('in') < 1024]).toEqual([true, true])
  })
})
