import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { NodeByteStream } from '../../../src/adapters/node/node-byte-stream.ts'
import { NodeObjectStore } from '../../../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../../../src/adapters/node/node-ref-store.ts'
import type { GitEndpoint } from '../../../src/engine/git-server.ts'
import { refUpdater } from '../../support/ref-updater.ts'
import type { CheckedUpdate } from '../../../src/engine/git-receive.ts'
import { Repository } from '../../../src/engine/repository.ts'
import type { VisibleRefs } from '../../../src/engine/visible-history.ts'
import type { RefName } from '../../../src/ports/ref-store.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import { startGit, StockGit } from '../../support/git.ts'

export const AGENT = 'tandem/test'
export const SELF = '5e'.repeat(32) as EndpointId

/** Folders of a test file, removed at its end. */
export class Folders {
  readonly #made: string[] = []

  make(): string {
    const folder = mkdtempSync(join(tmpdir(), 'git-wire-'))
    this.#made.push(folder)
    return folder
  }

  dispose(): void {
    for (const folder of this.#made.splice(0)) rmSync(folder, { recursive: true, force: true })
  }
}

/** A repository on disk through our own stores, and the same folder through stock git. */
export interface OnDisk {
  readonly repository: Repository
  readonly refs: NodeRefStore
  readonly git: StockGit
}

export async function openOnDisk(gitDir: string): Promise<OnDisk> {
  const objects = await NodeObjectStore.open(gitDir)
  const refs = new NodeRefStore(gitDir)
  return { repository: await Repository.open(objects, refs, nodeCodec, SELF), refs, git: new StockGit(gitDir) }
}

export async function emptyOnDisk(folder: string): Promise<OnDisk> {
  new StockGit(folder).run('init', '--quiet', '--bare', '--initial-branch=main')
  return openOnDisk(folder)
}

export function visibleOf(refs: NodeRefStore, except: readonly RefName[] = []): () => Promise<VisibleRefs> {
  return async () => ({
    refs: new Map([...(await refs.list())].filter(([name]) => !except.includes(name))),
    head: 'refs/heads/main',
  })
}

/** Serves a plain repository: all its refs, and pushes that move branches forward. */
export function plainEndpoint({ repository, refs }: OnDisk, except: readonly RefName[] = []): GitEndpoint {
  const visible = visibleOf(refs, except)
  return {
    upload: { repository, visible, agent: AGENT },
    receive: {
      repository,
      visible,
      agent: AGENT,
      mayUpdate: (updates: readonly CheckedUpdate[]) =>
        new Map(updates.map(({ name, to, forward }) => [name, to === null || forward ? null : 'non-fast-forward'])),
      update: refUpdater(refs),
    },
  }
}

/** Stock git serving the folder on a pipe. */
export function stockServer(
  gitDir: string,
  service: 'upload-pack' | 'receive-pack',
  config: readonly string[] = [],
): { stream: NodeByteStream; ended: Promise<number | null>; stderr: () => string } {
  const child = startGit(
    gitDir,
    [...config.flatMap((line) => ['-c', line]), service, '.'],
    service === 'upload-pack' ? { GIT_PROTOCOL: 'version=2' } : {},
  )
  let stderr = ''
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()))
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  return { stream: new NodeByteStream(child.stdout, child.stdin), ended, stderr: () => stderr }
}
