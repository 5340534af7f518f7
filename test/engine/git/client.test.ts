import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { checkConnectivity, isConnected } from '../../../src/engine/connectivity.ts'
import { commitHaves } from '../../../src/engine/commit-haves.ts'
import { fetchFromGit, pushToGit } from '../../../src/engine/git-client.ts'
import type { GitFetchOptions } from '../../../src/engine/git-client.ts'
import { serveGitStream } from '../../../src/engine/git-server.ts'
import { CommitGraph } from '../../../src/history/commit-graph.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'
import type { ByteStream } from '../../../src/ports/transport.ts'
import type { GitRef } from '../../../src/protocol/git/git-refs.ts'
import { aRepository } from '../../support/git-history.ts'
import { StockGit } from '../../support/git.ts'
import { streamPair } from '../../support/stream-pair.ts'
import { AGENT, emptyOnDisk, Folders, openOnDisk, plainEndpoint, stockServer } from './git-fixture.ts'
import type { OnDisk } from './git-fixture.ts'

const MAIN: RefName = 'refs/heads/main'
const folders = new Folders()
const work = aRepository()
const ALLOWED = ['uploadpack.allowFilter=true', 'uploadpack.allowAnySHA1InWant=true']
afterAll(() => {
  work.dispose()
  folders.dispose()
})

const heads = (refs: readonly GitRef[]): Oid[] =>
  refs.filter(({ name }) => name.startsWith('refs/heads/')).flatMap(({ oid }) => oid ?? [])

function fetching(objects: GitFetchOptions['objects'], more: Partial<GitFetchOptions> = {}): GitFetchOptions {
  return { agent: AGENT, objects, wants: heads, ...more }
}

async function takeRefs({ refs, repository }: OnDisk, found: readonly GitRef[]): Promise<void> {
  for (const { name, oid } of found) {
    if (!name.startsWith('refs/heads/') || !oid) continue
    expect(isConnected(await checkConnectivity(repository.objects, repository.graph, [oid]))).toBe(true)
    const ref = name as RefName
    expect(await refs.compareAndSwap(ref, await refs.read(ref), oid)).toBe(true)
    await repository.recall(oid)
  }
}

/** Both kinds of servers must look the same to our client. */
const servers: readonly [string, () => Promise<{ stream: ByteStream; path?: string; ended: Promise<unknown> }>][] = [
  ['stock git upload-pack', async () => stockServer(work.dir, 'upload-pack', ALLOWED)],
  [
    'our own server',
    async () => {
      const [stream, theirs] = streamPair()
      const served = await openOnDisk(join(work.dir, '.git'))
      const endpoint = plainEndpoint(served)
      const ended = serveGitStream(theirs, (path) => (path === '/vault' ? endpoint : undefined))
      return { stream, path: '/vault', ended: ended.finally(() => served.repository.objects.close()) }
    },
  ],
]

for (const [name, connect] of servers) {
  describe(`[T1] our client fetches from ${name}`, () => {
    async function fetchInto(options: GitFetchOptions) {
      const { stream, path, ended } = await connect()
      const result = await fetchFromGit(stream, { ...options, ...(path ? { path } : {}) })
      await ended
      return result
    }

    it('everything into an empty store, then an edit, then nothing', async () => {
      const here = await emptyOnDisk(folders.make())
      const progress: string[] = []
      const options = fetching(here.repository.objects, {
        onProgress: (text) => progress.push(text),
      })
      const first = await fetchInto(options)
      expect(first.fetched).toBe(true)
      expect(first.refs.find(({ name }) => name === 'HEAD')).toMatchObject({ target: MAIN })
      expect(first.refs.find(({ name }) => name === 'refs/tags/v1')).toMatchObject({
        peeled: work.text('rev-parse', 'v1^{}'),
      })
      expect(progress.join('\n')).toMatch(/objects/)
      await takeRefs(here, first.refs)
      expect(here.git.text('fsck', '--strict')).not.toMatch(/error|missing|broken/)

      writeFileSync(join(work.dir, 'notes/long.md'), `${work.text('show', 'HEAD:notes/long.md')}\n${name}\n`)
      work.run('commit', '--quiet', '--all', '--message', 'For our client')
      let bytes = 0
      const second = await fetchInto({
        ...options,
        haves: commitHaves(here.repository.graph, [...(await here.refs.list()).values()]),
        onBytes: (count) => (bytes += count),
      })
      expect(second.received.length).toBe(4)
      expect(bytes).toBeLessThan(1000)
      await takeRefs(here, second.refs)
      expect(here.git.text('rev-parse', 'main')).toBe(work.text('rev-parse', 'main'))
      expect(here.git.text('fsck', '--strict')).not.toMatch(/error|missing|broken/)
      expect(await fetchInto({ ...options, wants: () => [] })).toMatchObject({ fetched: false, received: [] })
      await here.repository.objects.close()
    })

    it('trees first, then the blobs that are missing, by their oids', async () => {
      const objects = new MemoryObjectStore(nodeCodec)
      const main = work.text('rev-parse', 'main') as Oid
      const trees = await fetchInto(
        fetching(objects, { wants: () => [main], filter: { kind: 'no-blobs' }, thinPack: false }),
      )
      expect(trees.received.length).toBeGreaterThan(30)
      const found = await checkConnectivity(objects, new CommitGraph(), [main])
      expect(found.missingTrees).toEqual([])
      expect(found.missingBlobs.length).toBeGreaterThan(40)
      const blobs = await fetchInto(fetching(objects, { wants: () => found.missingBlobs, refPrefixes: [MAIN] }))
      expect(new Set(blobs.received)).toEqual(new Set(found.missingBlobs))
      expect(isConnected(await checkConnectivity(objects, new CommitGraph(), [main]))).toBe(true)
    })

    it('small blobs now, large ones when they are asked for', async () => {
      const objects = new MemoryObjectStore(nodeCodec)
      const main = work.text('rev-parse', 'main') as Oid
      const filter = { kind: 'blob-limit', size: 1024 } as const
      await fetchInto(fetching(objects, { wants: () => [main], filter, thinPack: false }))
      const { missingBlobs, missingTrees } = await checkConnectivity(objects, new CommitGraph(), [main])
      const sizes = missingBlobs.map((oid) => Number(work.text('cat-file', '-s', oid)))
      expect(missingTrees).toEqual([])
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(1024)
      expect(await objects.has(work.text('rev-parse', 'main:empty') as Oid)).toBe(true)
    })

    it('learns what the server refuses, in its words', async () => {
      const wants = () => ['34'.repeat(20) as Oid]
      await expect(fetchInto(fetching(new MemoryObjectStore(nodeCodec), { wants }))).rejects.toMatchObject({
        code: 'refused',
        message: expect.stringContaining('not our ref'),
      })
    })
  })
}

describe('[T5] a fetch that is cancelled or cut', () => {
  it('ends at once with the reason, and nothing of the pack is kept', async () => {
    const here = await emptyOnDisk(folders.make())
    const abort = new AbortController()
    const { stream, ended } = stockServer(work.dir, 'upload-pack')
    const onBytes = (): void => abort.abort(new Error('enough'))
    await expect(
      fetchFromGit(stream, fetching(here.repository.objects, { signal: abort.signal, onBytes })),
    ).rejects.toThrow('enough')
    await ended
    expect(here.git.text('count-objects', '--verbose')).toMatch(/^count: 0$[^]*^in-pack: 0$/m)
    await here.repository.objects.close()
  })

  it('[T8] is given up when more comes than was agreed', async () => {
    const here = await emptyOnDisk(folders.make())
    const { stream, ended } = stockServer(work.dir, 'upload-pack')
    await expect(fetchFromGit(stream, fetching(here.repository.objects, { maxPackBytes: 5000 }))).rejects.toMatchObject(
      {
        code: 'limit',
      },
    )
    await ended
    expect(here.git.text('count-objects', '--verbose')).toMatch(/^count: 0$[^]*^in-pack: 0$/m)
    await here.repository.objects.close()
  })

  it('[T2] is an error when the stream ends inside the pack', async () => {
    const here = await emptyOnDisk(folders.make())
    const { stream, ended } = stockServer(work.dir, 'upload-pack')
    let left = 3000
    const cut: ByteStream = {
      read: async (max) => {
        const chunk = left > 0 ? await stream.read(Math.min(max ?? left, left)) : null
        left -= chunk?.length ?? 0
        return chunk
      },
      write: (bytes) => stream.write(bytes),
      finish: () => stream.finish(),
      abort: () => stream.abort(),
    }
    await expect(fetchFromGit(cut, fetching(here.repository.objects))).rejects.toMatchObject({
      code: expect.stringMatching(/disconnected|bad-pkt-line/),
    })
    await ended
    expect(here.git.text('count-objects', '--verbose')).toMatch(/^count: 0$[^]*^in-pack: 0$/m)
    await here.repository.objects.close()
  })
})

describe('[T4] our client pushes', () => {
  async function source(): Promise<OnDisk> {
    const served = await openOnDisk(join(work.dir, '.git'))
    return served
  }

  it('to stock git receive-pack: a first push, one as a delta, a refused one, a deletion', async () => {
    const target = new StockGit(folders.make())
    target.run('init', '--quiet', '--bare', '--initial-branch=main')
    target.run('config', 'receive.fsckObjects', 'true')
    target.run('config', 'receive.denyNonFastForwards', 'true')
    const from = await source()
    const push = async (to: Oid | null, ref: RefName = MAIN) => {
      const { stream, ended, stderr } = stockServer(target.dir, 'receive-pack')
      const report = await pushToGit(stream, {
        agent: AGENT,
        repository: from.repository,
        commands: (refs) => [{ name: ref, from: refs.find(({ name }) => name === ref)?.oid ?? null, to }],
      })
      expect({ status: await ended, stderr: stderr() }).toMatchObject({ status: 0 })
      return report
    }
    const main = work.text('rev-parse', 'main') as Oid
    const before = work.text('rev-parse', 'main~2') as Oid
    expect(await push(before)).toEqual({ unpack: null, refs: new Map([[MAIN, null]]) })
    expect(await push(main)).toEqual({ unpack: null, refs: new Map([[MAIN, null]]) })
    expect(target.text('rev-parse', 'main')).toBe(main)
    expect((await push(before))!.refs.get(MAIN)).toBe('non-fast-forward')
    expect(await push(main, 'refs/heads/other')).toMatchObject({ unpack: null })
    expect(await push(null, 'refs/heads/other')).toMatchObject({ unpack: null })
    expect(target.text('for-each-ref', '--format=%(refname)')).toBe(MAIN)
    expect(target.text('fsck', '--strict')).toBe('')
    await from.repository.objects.close()
  })

  it('to our own server, which says what it refuses', async () => {
    const target = await emptyOnDisk(folders.make())
    const from = await source()
    const push = async (to: Oid, atomic = false) => {
      const [ours, theirs] = streamPair()
      const serving = serveGitStream(theirs, () => plainEndpoint(target))
      const report = await pushToGit(ours, {
        agent: AGENT,
        path: '/vault',
        repository: from.repository,
        atomic,
        commands: (refs) => [{ name: MAIN, from: refs.find(({ name }) => name === MAIN)?.oid ?? null, to }],
      })
      expect(await serving).toEqual({ result: 'done' })
      return report
    }
    const main = work.text('rev-parse', 'main') as Oid
    expect(await push(main, true)).toEqual({ unpack: null, refs: new Map([[MAIN, null]]) })
    expect((await push(work.text('rev-parse', 'main~3') as Oid))!.refs.get(MAIN)).toBe('non-fast-forward')
    expect(target.git.text('rev-parse', 'main')).toBe(main)
    expect(target.git.text('fsck', '--strict')).not.toMatch(/error|missing|broken/)
    await Promise.all([from, target].map(({ repository }) => repository.objects.close()))
  })
})
