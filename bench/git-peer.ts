/**
 * Git's protocol between two processes, for the benchmarks; bundled by build.mjs. One JSON object per line on stdout.
 *
 *     serve BASE          serves the bare repositories below BASE at their paths: says `{"port", "id", "direct"}`
 *     fetch               answers lines of JSON `{"via": "tcp" | "iroh", "port", "id", "direct", "path", "into"}`; with `wants`
 *                         in place of `into` it takes the pack as devices take it (T1), and drops it
 */
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openIrohTransport } from '../src/adapters/iroh/iroh-transport.ts'
import { NodeByteStream } from '../src/adapters/node/node-byte-stream.ts'
import { nodeCodec } from '../src/adapters/node/node-codec.ts'
import { NodeObjectStore } from '../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../src/adapters/node/node-ref-store.ts'
import { systemClock } from '../src/adapters/node/system-clock.ts'
import { GitBulkSession } from '../src/engine/git-bulk-session.ts'
import { gitPeerAt } from '../src/engine/git-peer.ts'
import { serveGitStream } from '../src/engine/git-server.ts'
import type { GitEndpoint } from '../src/engine/git-server.ts'
import { IdleTimeout } from '../src/engine/recovery.ts'
import { Repository } from '../src/engine/repository.ts'
import { syncWithPeer } from '../src/engine/sync-with-peer.ts'
import type { Oid } from '../src/objects/oid.ts'
import { NO_FILTER } from '../src/protocol/git/object-filter.ts'
import type { ByteStream, Connection, EndpointId } from '../src/ports/transport.ts'

const SELF = 'a'.repeat(64) as EndpointId
const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

const openTransport = () =>
  openIrohTransport({
    clock: systemClock,
    secretKey: crypto.getRandomValues(new Uint8Array(32)),
    alpn: 'tandem-bench/git',
    bind: { ipv4: '127.0.0.1:0' },
    relay: 'off',
  })

async function openRepository(folder: string): Promise<{ repository: Repository; refs: NodeRefStore }> {
  const refs = new NodeRefStore(folder)
  const repository = await Repository.open(await NodeObjectStore.open(folder), refs, nodeCodec, SELF)
  for (const oid of (await refs.list()).values()) await repository.recall(oid)
  return { repository, refs }
}

async function serve(base: string): Promise<void> {
  const open = new Map<string, GitEndpoint>()
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== 'listen') {
      // Opened beforehand, as a running peer's are.
      const { repository, refs } = await openRepository(join(base, line))
      const visible = async () => ({ refs: await refs.list(), head: 'refs/heads/main' as const })
      open.set(`/${line}`, { upload: { repository, visible, agent: 'tandem/bench' } })
      say({ opened: line })
      continue
    }
    const handle = (stream: ByteStream): void =>
      void serveGitStream(stream, (path) => open.get(path)).catch((error: unknown) => console.error(error))
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
      handle(new NodeByteStream(socket, socket)),
    )
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const transport = await openTransport()
    void (async () => {
      for (let connection = await transport.accept(); connection; connection = await transport.accept())
        void acceptStreams(connection, handle)
    })()
    const direct = transport.boundSockets().filter((socket) => socket.startsWith('127.'))
    say({ port: (server.address() as { port: number }).port, id: transport.id, direct })
  }
  process.exit()
}

async function acceptStreams(connection: Connection, handle: (stream: ByteStream) => void): Promise<void> {
  for (let stream = await connection.acceptStream(); stream; stream = await connection.acceptStream()) handle(stream)
}

interface FetchTask {
  readonly via: 'tcp' | 'iroh'
  readonly port: number
  readonly id: EndpointId
  readonly direct: readonly string[]
  readonly path: string
  /** A bare repository. */
  readonly into?: string
  readonly wants?: readonly Oid[]
}

/** What passes, and how often we had to wait for an answer. */
class Count {
  sent = 0
  received = 0
  roundTrips = 0
  #asked = false

  stream(stream: ByteStream): ByteStream {
    return {
      write: (bytes) => {
        this.sent += bytes.length
        this.#asked = true
        return stream.write(bytes)
      },
      read: async (max) => {
        const bytes = await stream.read(max)
        if (bytes && this.#asked) this.roundTrips++
        if (bytes) this.#asked = false
        this.received += bytes?.length ?? 0
        return bytes
      },
      finish: () => stream.finish(),
      abort: () => stream.abort(),
    }
  }
}

async function fetchTasks(): Promise<void> {
  const transport = await openTransport()
  let connection: Connection | undefined
  for await (const line of createInterface({ input: process.stdin })) {
    const { via, port, id, direct, path, into, wants } = JSON.parse(line) as FetchTask
    if (via === 'iroh') connection ??= await transport.connect({ id, direct })
    const count = new Count()
    const openStream = async () => count.stream(via === 'iroh' ? await connection!.openStream() : await dial(port))
    if (wants) {
      say({ ms: await takeAndDrop(openStream, path, wants), received: count.received })
      continue
    }
    const { repository, refs } = await openRepository(into!)
    let words = ''
    const before = process.cpuUsage()
    const start = performance.now()
    const report = await syncWithPeer(repository, gitPeerAt(path, openStream), {
      clock: systemClock,
      signal: new AbortController().signal,
      local: refs,
      prefixes: ['refs/heads/'],
      direction: 'fetch',
      onWords: (text) => (words += `${text}\n`),
    })
    const ms = performance.now() - start
    const { user, system } = process.cpuUsage(before)
    await repository.objects.close()
    const { sent, received, roundTrips } = count
    const results = [...report.refs].map(([name, { result }]) => `${name} ${result}`)
    // Of so many objects, so many as they lay in the server's store.
    const [, objects, reused] = /Total (\d+) .*reused (\d+)/.exec(words) ?? []
    const counts = { objects: Number(objects ?? 0), reused: Number(reused ?? 0) }
    say({ ms, cpuMs: (user + system) / 1000, sent, received, roundTrips, results, ...counts })
  }
  process.exit()
}

/** What the protocol itself costs: nothing is verified and nothing stored. ms, from the first byte of the pack. */
async function takeAndDrop(
  openStream: () => Promise<ByteStream>,
  path: string,
  wants: readonly Oid[],
): Promise<number> {
  const { signal } = new AbortController()
  const idle = new IdleTimeout(systemClock, 30_000)
  const session = await GitBulkSession.open(openStream, path, { agent: 'tandem/bench', signal, idle })
  session.ask({ wants, haves: [], filter: NO_FILTER, thinPack: false })
  let start = 0
  for await (const chunk of session.pack()) if (chunk.length) start ||= performance.now()
  const ms = performance.now() - start
  await session.close()
  return ms
}

function dial(port: number): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(new NodeByteStream(socket, socket)))
  })
}

const [task, base] = process.argv.slice(2)
if (task === 'serve') await serve(base!)
else await fetchTasks()
