import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'
import { checkConnectivity, isConnected } from '../../../src/engine/connectivity.ts'
import { GitBulkSession } from '../../../src/engine/git-bulk-session.ts'
import { serveGitStream } from '../../../src/engine/git-server.ts'
import { IdleTimeout } from '../../../src/engine/recovery.ts'
import { CommitGraph } from '../../../src/history/commit-graph.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { ByteStream } from '../../../src/ports/transport.ts'
import { NO_FILTER } from '../../../src/protocol/git/object-filter.ts'
import { nobodys } from '../../support/hostile-objects.ts'
import { aRepository } from '../../support/git-history.ts'
import { streamPair } from '../../support/stream-pair.ts'
import { AGENT, Folders, openOnDisk, plainEndpoint, stockServer } from './git-fixture.ts'

const folders = new Folders()
const work = aRepository()
const ALLOWED = [
  'uploadpack.allowFilter=true',
  'uploadpack.allowAnySHA1InWant=true',
  'transfer.advertiseObjectInfo=true',
]
afterAll(() => {
  work.dispose()
  folders.dispose()
})

/** Stock git was started for us and is told no path. */
function withoutServiceLine(stream: ByteStream): ByteStream {
  let first = true
  return {
    read: (max) => stream.read(max),
    finish: () => stream.finish(),
    abort: () => stream.abort(),
    write: async (bytes) => (first ? void (first = false) : stream.write(bytes)),
  }
}

const servers: readonly [string, () => Promise<{ stream: ByteStream; ended: Promise<unknown> }>][] = [
  [
    'stock git upload-pack',
    () => {
      const { stream, ended } = stockServer(work.dir, 'upload-pack', ALLOWED)
      return Promise.resolve({ stream: withoutServiceLine(stream), ended })
    },
  ],
  [
    'our own server',
    async () => {
      const [stream, theirs] = streamPair()
      const served = await openOnDisk(join(work.dir, '.git'))
      await served.repository.recall(head())
      const { upload } = plainEndpoint(served)
      const ended = serveGitStream(theirs, () => ({ upload: { ...upload!, anyObject: true } }))
      return { stream, ended: ended.finally(() => served.repository.objects.close()) }
    },
  ],
]

async function open(server: (typeof servers)[number][1]) {
  const { stream, ended } = await server()
  ended.catch(() => undefined)
  const signal = new AbortController().signal
  const idle = new IdleTimeout(systemClock, 30_000)
  const session = await GitBulkSession.open(() => Promise.resolve(stream), '/vault', { agent: AGENT, signal, idle })
  return { session, ended }
}

const head = (): Oid => work.run('rev-parse', 'HEAD').toString().trim() as Oid
const blobs = (): Oid[] =>
  work
    .run('rev-list', '--objects', '--filter=object:type=blob', '--filter-provided-objects', '--no-object-names', 'HEAD')
    .toString()
    .trim()
    .split('\n') as Oid[]

describe.each(servers)('[T1] a bulk session with %s', (_name, server) => {
  it('brings commits and trees, then sizes, then blobs in packs that were asked for ahead', async () => {
    const { session, ended } = await open(server)
    const store = new MemoryObjectStore(nodeCodec)
    const wanted = blobs()
    session.ask({ wants: [head()], haves: [], filter: { kind: 'no-blobs' }, thinPack: true })
    await store.writePack(session.pack())
    const { missingCommits, missingTrees, missingBlobs } = await checkConnectivity(store, new CommitGraph(), [head()])
    expect([missingCommits, missingTrees, new Set(missingBlobs)]).toEqual([[], [], new Set(wanted)])

    const sizes = await session.sizes([nobodys(1), ...wanted])
    expect(sizes.size).toBe(wanted.length)
    for (const oid of wanted) expect(sizes.get(oid)).toBe(Number(work.run('cat-file', '-s', oid).toString()))

    const half = Math.ceil(wanted.length / 2)
    for (const part of [wanted.slice(0, half), wanted.slice(half)])
      session.ask({ wants: part, haves: [], filter: NO_FILTER, thinPack: false })
    expect(new Set(await store.writePack(session.pack()))).toEqual(new Set(wanted.slice(0, half)))
    expect(new Set(await store.writePack(session.pack()))).toEqual(new Set(wanted.slice(half)))
    expect(isConnected(await checkConnectivity(store, new CommitGraph(), [head()]))).toBe(true)
    await session.close()
    await ended
  })

  it('is told in the server’s words what it does not have', async () => {
    const { session } = await open(server)
    session.ask({ wants: [nobodys(1)], haves: [], filter: NO_FILTER, thinPack: false })
    const reading = (async () => {
      for await (const bytes of session.pack()) expect(bytes).toBeUndefined()
    })()
    await expect(reading).rejects.toMatchObject({ code: 'refused', message: expect.stringContaining('not our ref') })
    session.abort()
  })
})
