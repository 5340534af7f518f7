import { CorruptObjectError } from '../objects/errors.ts'
import type { RefName } from '../ports/ref-store.ts'
import type { RefUpdate } from '../protocol/git/receive-commands.ts'
import type { RefReasons } from '../protocol/git/receive-pack.ts'
import { FETCH_FIRST } from './git-receive.ts'
import type { CheckedUpdate, ReceiveOptions } from './git-receive.ts'
import type { GitEndpoint } from './git-server.ts'
import type { PushOutcome } from './accept-push.ts'
import type { Repository } from './repository.ts'
import type { Share } from './share.ts'
import type { VisibleRefs } from './visible-history.ts'

const MAIN: RefName = 'refs/heads/main'
const DEVICES = 'refs/devices/'
const READ_ONLY = 'this device may read the vault, not write it'

export interface VaultGitOptions {
  readonly agent: string
  /** S1: asked at each decision. Reading is allowed by whoever hands the endpoint out, and ended by `signal` and the stream (S5). */
  readonly canWrite: () => boolean
  readonly spool?: ReceiveOptions['spool']
  readonly breathe?: ReceiveOptions['breathe']
  readonly signal?: AbortSignal
}

/** A share as stock git sees it: `main` is what the vault shows, beside it the devices' own refs; `main` alone takes pushes (T4). */
export function vaultEndpoint(share: Share, { agent, canWrite, spool, breathe, signal }: VaultGitOptions): GitEndpoint {
  const { repository } = share
  const visible = () => visibleRefs(repository)
  const common = { repository, visible, agent, ...(signal ? { signal } : {}) }
  return {
    upload: common,
    receive: {
      ...common,
      ...(spool ? { spool } : {}),
      ...(breathe ? { breathe } : {}),
      refuses: () => (canWrite() ? null : READ_ONLY),
      mayUpdate: (updates) => mayUpdate(updates, canWrite()),
      update: (updates) => update(share, updates, canWrite),
    },
  }
}

/** What a peer who may read a share sees of its refs. */
export async function visibleRefs(repository: Repository): Promise<VisibleRefs> {
  const view = await repository.view()
  const refs = new Map([...(await repository.refs.list())].filter(([name]) => name.startsWith(DEVICES)))
  if (view) refs.set(MAIN, view.commit)
  return { refs, head: MAIN }
}

function mayUpdate(updates: readonly CheckedUpdate[], canWrite: boolean): RefReasons {
  const reason = ({ name, to, forward }: CheckedUpdate): string | null => {
    if (!canWrite) return READ_ONLY
    if (name !== MAIN) return 'a vault takes pushes to main only'
    if (to === null) return 'deletion prohibited'
    return forward ? null : 'non-fast-forward'
  }
  return new Map(updates.map((update) => [update.name, reason(update)]))
}

/** A vault has one ref to push to, so that every push is atomic. */
async function update(share: Share, updates: readonly RefUpdate[], canWrite: () => boolean): Promise<RefReasons> {
  const reasons = new Map<string, string | null>()
  for (const { name, from, to } of updates) {
    try {
      reasons.set(name, to === null ? 'deletion prohibited' : REASONS[await share.acceptPush(from, to, canWrite)])
    } catch (error) {
      if (!(error instanceof CorruptObjectError)) throw error
      reasons.set(name, error.message)
    }
  }
  return reasons
}

const REASONS: Readonly<Record<PushOutcome, string | null>> = {
  accepted: null,
  'fetch-first': FETCH_FIRST,
  'not-forward': 'non-fast-forward',
  incomplete: 'missing necessary objects',
  paused: 'the vault is paused on this device',
  forbidden: READ_ONLY,
}
