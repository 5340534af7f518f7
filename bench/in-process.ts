/**
 * The engine without a network, for the benchmarks; bundled by build.mjs. One JSON object per line on stdout.
 *
 *     snapshot VAULT STATE            commits the whole vault
 *     serve VAULT STATE               then answers the lines `rescan` and `edit PATH` on stdin
 *     clone STATE VAULT NEW-STATE     fetches the history of STATE and writes it into the empty folder VAULT
 *     graph COMMITS                   merge bases and ancestry in a long history
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openBareRepository } from '../src/adapters/node/bare-repository.ts'
import { nodeCodec } from '../src/adapters/node/node-codec.ts'
import { NodeIndexStore } from '../src/adapters/node/node-index-store.ts'
import { NodeObjectStore } from '../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../src/adapters/node/node-ref-store.ts'
import { openNodeVault } from '../src/adapters/node/node-vault-files.ts'
import { systemClock } from '../src/adapters/node/system-clock.ts'
import { MemoryNetwork } from '../src/adapters/memory/memory-transport.ts'
import { identityOf } from '../src/engine/device.ts'
import { fetchHeads } from '../src/engine/fetch-client.ts'
import { serveFetch } from '../src/engine/fetch-server.ts'
import { GIT_AGENT } from '../src/engine/app.ts'
import { serveGitStream } from '../src/engine/git-server.ts'
import { isGitStream } from '../src/engine/git-traffic.ts'
import { JointFetches } from '../src/engine/joint-fetch.ts'
import { peekStream } from '../src/engine/peeked-stream.ts'
import { IdleTimeout, TransferTracker } from '../src/engine/recovery.ts'
import { Repository } from '../src/engine/repository.ts'
import { WorkingTree } from '../src/engine/working-tree.ts'
import { CommitGraph } from '../src/history/commit-graph.ts'
import { planBidirectionalSync } from '../src/history/sync-plan.ts'
import type { Oid } from '../src/objects/oid.ts'
import type { VaultPath } from '../src/objects/vault-path.ts'
import type { Refs } from '../src/ports/ref-store.ts'
import type { ByteStream, EndpointId } from '../src/ports/transport.ts'
import { visibleRefs } from '../src/engine/vault-git.ts'

const SHARE = 'vault'
const endpointId = (digit: string): EndpointId => digit.repeat(64) as EndpointId

const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

async function openRepository(state: string, self: EndpointId): Promise<Repository> {
  const folder = join(state, 'repository.git')
  await openBareRepository(folder)
  return Repository.open(await NodeObjectStore.open(folder), new NodeRefStore(folder), nodeCodec, self)
}

async function openTree(vault: string, state: string, repository: Repository): Promise<WorkingTree> {
  const files = await openNodeVault({ root: vault, codec: nodeCodec, clock: systemClock })
  const index = new NodeIndexStore(join(state, 'index'))
  const identity = () => identityOf('Bench', repository.self, systemClock)
  return WorkingTree.open({ repository, files, index, codec: nodeCodec, clock: systemClock, identity })
}

/** Milliseconds of wall clock and of CPU. */
async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; cpuMs: number; result: T }> {
  const before = process.cpuUsage()
  const start = performance.now()
  const result = await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(before)
  return { ms, cpuMs: (user + system) / 1000, result }
}

const peakMB = (): number => process.resourceUsage().maxRSS / 1024

async function snapshot(vault: string, state: string): Promise<WorkingTree> {
  const { ms, cpuMs, result } = await timed(async () => {
    const tree = await openTree(vault, state, await openRepository(state, endpointId('a')))
    const { settled } = await tree.settle()
    if (!settled) throw new Error('the vault did not settle')
    return tree
  })
  say({ ms, cpuMs, peakMB: peakMB(), files: result.fileCount })
  return result
}

async function serve(vault: string, state: string): Promise<void> {
  const tree = await snapshot(vault, state)
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'rescan') tree.markAllDirty()
    else tree.markDirty([line.slice('edit '.length) as VaultPath])
    const { ms, cpuMs, result } = await timed(() => tree.settle())
    say({ ms, cpuMs, commits: result.committed.length })
  }
}

async function serveBulk(opened: ByteStream, repository: Repository): Promise<void> {
  const { first, stream } = await peekStream(opened)
  const visible = () => visibleRefs(repository)
  const upload = { repository, visible, agent: GIT_AGENT, anyObject: true }
  if (first !== null && isGitStream(first)) await serveGitStream(stream, () => ({ upload }))
  else
    await serveFetch(
      stream,
      () => ({ repository, mayHave: () => Promise.resolve(true) }),
      () => undefined,
    )
}

async function clone(sourceState: string, vault: string, state: string): Promise<void> {
  const source = await openRepository(sourceState, endpointId('a'))
  const network = new MemoryNetwork({ clock: systemClock })
  const giver = network.transport(endpointId('a'))
  const taker = network.transport(endpointId('b'))
  const accepting = giver.accept()
  const signal = new AbortController().signal
  const connection = await taker.connect(giver.address(), signal)
  const accepted = (await accepting)!
  void (async () => {
    for (let stream = await accepted.acceptStream(); stream; stream = await accepted.acceptStream())
      void serveBulk(stream, source)
  })()
  const target = await openRepository(state, endpointId('b'))
  const tracker = new TransferTracker(systemClock.now())
  const transfer = await timed(() =>
    fetchHeads(target, SHARE, source.heads(), {
      openStream: () => connection.openStream(),
      signal,
      idle: new IdleTimeout(systemClock, 30_000),
      tracker,
      joint: new JointFetches(systemClock),
    }),
  )
  const tree = await openTree(vault, state, target)
  const checkout = await timed(() => tree.settle())
  say({
    ms: transfer.ms + checkout.ms,
    cpuMs: transfer.cpuMs + checkout.cpuMs,
    transferMs: transfer.ms,
    checkoutMs: checkout.ms,
    bytes: tracker.state.bytes,
    files: checkout.result.applied.length,
    peakMB: peakMB(),
  })
  process.exit()
}

/** Two devices that commit in turns and merge each other's head every tenth time. */
function graph(commits: number): void {
  const number = (n: number): Oid => n.toString(16).padStart(40, '0') as Oid
  const history = new CommitGraph()
  const add = (n: number, parents: readonly Oid[]): void =>
    history.add(number(n), { parents, tree: number(0), seconds: n })
  add(1, [])
  const heads: [Oid, Oid] = [number(1), number(1)]
  for (let n = 2; n <= commits; n++) {
    const side = n % 2
    add(n, n % 20 < 2 ? heads : [heads[side]!])
    heads[side] = number(n)
  }
  // Two lines apart from their first on, one of that many commits, one of half as many: what is as long is told apart at once.
  const sides = [0, 1].map((side) => {
    let head = number(1)
    for (let n = 1; n <= commits / (side + 1); n++) {
      const next = number((side + 1) * 0x1000000 + n)
      history.add(next, { parents: [head], tree: number(0), seconds: n })
      head = next
    }
    return head
  }) as [Oid, Oid]
  const at = (oid: Oid): Refs => new Map([['refs/heads/main', oid]])
  const times = (work: () => unknown, count: number): number => {
    work()
    const start = performance.now()
    for (let i = 0; i < count; i++) work()
    return ((performance.now() - start) * 1000) / count
  }
  say({
    mergeBasesUs: times(() => history.mergeBases([heads[0]], [heads[1]]), 1000),
    mergeBasesFarUs: times(() => history.mergeBases([number(2)], [heads[1]]), 20),
    isAncestorUs: times(() => history.isAncestor(number(commits - 40), heads[commits % 2]!), 1000),
    isAncestorFarUs: times(() => history.isAncestor(number(2), heads[commits % 2]!), 20),
    notInUs: times(() => history.ancestorsNotIn([heads[0]], [heads[1]]), 1000),
    maximalUs: times(() => history.maximal(heads), 1000),
    planFarUs: times(() => planBidirectionalSync(at(number(2)), at(heads[commits % 2]!), history), 20),
    planApartUs: times(() => planBidirectionalSync(at(sides[0]), at(sides[1]), history), 20),
  })
}

const [task, ...args] = process.argv.slice(2)
if (task === 'snapshot') await snapshot(args[0]!, args[1]!)
else if (task === 'serve') await serve(args[0]!, args[1]!)
else if (task === 'clone') await clone(args[0]!, args[1]!, args[2]!)
else if (task === 'graph') graph(Number(args[0]))
else throw new Error(`there is no ${task}`)
