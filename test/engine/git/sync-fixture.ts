import { join } from 'node:path'
import { MemoryNetwork } from '../../../src/adapters/memory/memory-transport.ts'
import { connectGit } from '../../../src/adapters/node/git-place.ts'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'
import { gitPeerAt } from '../../../src/engine/git-peer.ts'
import type { GitConversation, GitPeer } from '../../../src/engine/git-peer.ts'
import { serveGitStream } from '../../../src/engine/git-server.ts'
import type { GitEndpoint } from '../../../src/engine/git-server.ts'
import { syncWithPeer } from '../../../src/engine/sync-with-peer.ts'
import type { RefResult, SyncOptions, SyncReport } from '../../../src/engine/sync-with-peer.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { RefName, Refs } from '../../../src/ports/ref-store.ts'
import type { ByteStream, EndpointId, Transport } from '../../../src/ports/transport.ts'
import type { GitService } from '../../../src/protocol/git/service-request.ts'
import { StockGit } from '../../support/git.ts'
import { joinByMessageChannel, PortTransports } from '../../support/port-transports.ts'
import { StockDaemon } from '../../support/stock-daemon.ts'
import { streamPair } from '../../support/stream-pair.ts'
import { openOnDisk, plainEndpoint } from './git-fixture.ts'
import type { Folders, OnDisk } from './git-fixture.ts'

export const branch = (name: string): RefName => `refs/heads/${name}`

/** A bare repository on disk, edited with stock git. */
export class Side {
  readonly git: StockGit
  #open: OnDisk | null = null

  constructor(readonly dir: string) {
    this.git = new StockGit(dir)
  }

  /** Commits on a branch, which begins at `from` (another branch or commit) when it is new; the oid of the last. */
  edit(name: string, files: Readonly<Record<string, string>>, from?: string): Oid {
    const start = this.refs().has(branch(name)) ? branch(name) : from
    const lines = [`commit ${branch(name)}`, 'committer Ada <ada@example.org> 1700000000 +0000', 'data 4', 'edit']
    if (start !== undefined) lines.push(`from ${/^[0-9a-f]{40}$/.test(start) ? start : `${start}^0`}`)
    for (const [path, content] of Object.entries(files))
      lines.push(`M 100644 inline ${path}`, `data ${Buffer.byteLength(content)}`, content)
    this.git.runWith({ input: `${lines.join('\n')}\n` }, 'fast-import', '--quiet')
    return this.git.text('rev-parse', branch(name)) as Oid
  }

  refs(): Refs {
    const lines = this.git.text('for-each-ref', '--format=%(refname) %(objectname)').split('\n').filter(Boolean)
    return new Map(lines.map((line) => line.split(' ') as [RefName, Oid]))
  }

  text(ref: string, path: string): string {
    return this.git.text('show', `${ref}:${path}`)
  }

  /** What stock git finds wrong. */
  faults(): string {
    return this.git
      .text('fsck', '--strict', '--no-dangling')
      .split('\n')
      .filter((line) => line !== '')
      .join('\n')
  }

  async opened(): Promise<OnDisk> {
    return (this.#open ??= await openOnDisk(this.dir))
  }

  async close(): Promise<void> {
    await this.#open?.repository.objects.close()
    this.#open = null
  }
}

/** Two repositories with one commit on `main` in common. */
export function twoSides(folders: Folders): { base: string; here: Side; there: Side } {
  const base = folders.make()
  const [here, there] = ['here', 'there'].map((name) => {
    new StockGit(base).run('init', '--quiet', '--bare', '--initial-branch=main', name)
    const side = new Side(join(base, name))
    side.edit('main', { 'Note.md': 'one\n\ntwo\n\nthree\n' })
    return side
  }) as [Side, Side]
  return { base, here, there }
}

/** A way for git's protocol to a repository. */
export interface Carrier {
  readonly peer: GitPeer
  close(): Promise<void>
}

/** Our own server, which takes whatever is pushed. */
async function obligingEndpoint(there: Side): Promise<GitEndpoint> {
  const endpoint = plainEndpoint(await there.opened())
  const receive = {
    ...endpoint.receive!,
    mayUpdate: (updates: readonly { name: RefName }[]) => new Map(updates.map(({ name }) => [name, null])),
  }
  return { ...endpoint, receive }
}

const serving = (endpoint: GitEndpoint) => (stream: ByteStream) =>
  serveGitStream(stream, (path) => (path === '/vault' ? endpoint : undefined)).catch(() => undefined)

async function overTransports(there: Side, open: (side: 'a' | 'b') => Promise<Transport>): Promise<Carrier> {
  const serve = serving(await obligingEndpoint(there))
  const [a, b] = [await open('a'), await open('b')]
  const [dialled, accepted] = await Promise.all([a.connect(b.address()), b.accept()])
  const accepting = (async () => {
    for (let s = await accepted!.acceptStream(); s; s = await accepted!.acceptStream()) void serve(s)
  })()
  return {
    peer: gitPeerAt('/vault', () => dialled.openStream()),
    close: async () => {
      await Promise.all([a.close(), b.close()])
      await accepting
    },
  }
}

/** All ways, by name. Stock git is at the other end of the last two. */
export const CARRIERS: Readonly<Record<string, (there: Side, base: string) => Promise<Carrier>>> = {
  'our server over memory streams': async (there) => {
    const serve = serving(await obligingEndpoint(there))
    const open = async () => {
      const [ours, theirs] = streamPair()
      void serve(theirs)
      return ours
    }
    return { peer: gitPeerAt('/vault', open), close: () => Promise.resolve() }
  },
  'our server over a memory network': (there) => {
    const network = new MemoryNetwork({ clock: systemClock })
    return overTransports(there, async (side) => network.transport(side.repeat(64) as EndpointId))
  },
  'our server over MessagePorts': async (there) => {
    const transports = new PortTransports(joinByMessageChannel)
    const carrier = await overTransports(there, () => transports.open())
    return {
      ...carrier,
      close: async () => {
        await transports.dispose()
        await carrier.close()
      },
    }
  },
  'stock git on pipes': async (there) => ({
    peer: { connect: (service, signal) => connectGit({ kind: 'folder', folder: there.dir }, service, signal) },
    close: () => Promise.resolve(),
  }),
  'git daemon': async (there, base) => {
    const daemon = await StockDaemon.start(base)
    const place = { kind: 'daemon', host: '127.0.0.1', port: daemon.port, path: there.dir.slice(base.length) } as const
    return {
      peer: { connect: (service, signal) => connectGit(place, service, signal) },
      close: async () => daemon.stop(),
    }
  },
}

/** Counts the conversations of that kind, and gives each stream to be changed. */
export function counting(
  peer: GitPeer,
  service: GitService,
  change: (stream: ByteStream, count: number) => ByteStream = (stream) => stream,
): { peer: GitPeer; count: () => number } {
  let count = 0
  const connect = async (asked: GitService, signal: AbortSignal): Promise<GitConversation> => {
    const conversation = await peer.connect(asked, signal)
    return asked === service ? { ...conversation, stream: change(conversation.stream, ++count) } : conversation
  }
  return { peer: { connect }, count: () => count }
}

const never = new AbortController().signal

/** Syncs the branches of a side. */
export async function syncSide(side: Side, peer: GitPeer, more: Partial<SyncOptions> = {}): Promise<SyncReport> {
  const { repository, refs } = await side.opened()
  return syncWithPeer(repository, peer, {
    clock: systemClock,
    signal: never,
    local: refs,
    prefixes: ['refs/heads/'],
    delayMs: 1,
    ...more,
  })
}

/** What became of each branch. */
export const results = ({ refs }: SyncReport): Record<string, RefResult['result']> =>
  Object.fromEntries([...refs].map(([name, { result }]) => [name.slice('refs/heads/'.length), result]))
