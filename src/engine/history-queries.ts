import { logPath } from '../history/log.ts'
import { entryAt } from '../history/tree-diff.ts'
import { CorruptObjectError } from '../objects/errors.ts'
import { isOid, type Oid } from '../objects/oid.ts'
import { parseVaultPath, type VaultPath } from '../objects/vault-path.ts'
import { TandemError } from '../ports/errors.ts'
import type { Repository } from './repository.ts'

export type HistoryErrorCode = 'no-commit' | 'ambiguous' | 'no-file' | 'bad-path'

/** A question about the history that has no answer; the message says what was looked for. */
export class HistoryError extends TandemError<HistoryErrorCode> {
  override readonly name = 'HistoryError'
}

export interface LoggedCommit {
  readonly commit: Oid
  readonly device: string
  readonly seconds: number
  readonly zoneMinutes: number
  /** First line of the message. */
  readonly subject: string
  /** Of the path that was asked for. */
  readonly deleted?: boolean
}

/** Commits behind the view, newest first; with a path, only those that changed that file. */
export async function readLog(
  repository: Repository,
  path: string | undefined,
  limit: number,
): Promise<LoggedCommit[]> {
  const view = await repository.view()
  if (!view) return []
  if (path !== undefined) {
    const entries = await repository.run(logPath(repository.graph, [view.commit], vaultPath(path), limit))
    return Promise.all(
      entries.map(async ({ commit, entry }) => ({ ...(await describe(repository, commit)), deleted: entry === null })),
    )
  }
  const commits = repository.graph.ancestorsNotIn([view.commit], []).slice(0, limit)
  return Promise.all(commits.map((oid) => describe(repository, oid)))
}

async function describe(repository: Repository, oid: Oid): Promise<LoggedCommit> {
  const { author, message } = await repository.readCommit(oid)
  return {
    commit: oid,
    device: author.name,
    seconds: author.seconds,
    zoneMinutes: author.zoneMinutes,
    subject: message.split('\n', 1)[0]!,
  }
}

/** @throws HistoryError `no-commit`, `ambiguous`. */
export function resolveCommit(repository: Repository, name: string): Oid {
  if (isOid(name) && repository.graph.has(name)) return name
  const matches = /^[0-9a-f]{4,40}$/.test(name) ? repository.graph.withPrefix(name) : []
  if (matches.length === 1) return matches[0]!
  if (matches.length > 1)
    throw new HistoryError('ambiguous', `${name} stands for ${matches.length} commits; give more digits`, { name })
  throw new HistoryError('no-commit', `there is no commit ${name} in this vault's history; "tandem log" lists them`, {
    name,
  })
}

/** The blob at a path as of a commit. @throws HistoryError `no-file`, and as {@link resolveCommit}. */
export async function fileAt(
  repository: Repository,
  commitName: string,
  path: string,
): Promise<{ path: VaultPath; oid: Oid; commit: Oid }> {
  const commit = resolveCommit(repository, commitName)
  const name = vaultPath(path)
  const entry = await repository.run(entryAt(repository.graph.get(commit)!.tree, name))
  if (!entry || entry.mode === '40000')
    throw new HistoryError('no-file', `${path} is not a file in commit ${commit.slice(0, 10)}`, { path, commit })
  return { path: name, oid: entry.oid, commit }
}

function vaultPath(text: string): VaultPath {
  try {
    return parseVaultPath(text)
  } catch (cause) {
    if (!(cause instanceof CorruptObjectError)) throw cause
    throw new HistoryError(
      'bad-path',
      `${JSON.stringify(text)} is not a path in a vault: ${cause.message}`,
      { path: text },
      { cause },
    )
  }
}
