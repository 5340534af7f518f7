import type { RefName } from '../ports/ref-store.ts'
import type { RefUpdate } from '../protocol/git/receive-commands.ts'
import { GIT_AGENT } from './app.ts'
import { pushToGit } from './git-client.ts'
import { exchangeWith } from './git-peer.ts'
import type { ExchangeOptions, GitPeer } from './git-peer.ts'
import { FETCH_FIRST } from './git-receive.ts'
import type { GitRepository } from './visible-history.ts'

/** For each ref null, it is where it was to be moved; or why not, in the other side's words. */
export type PushOutcomes = ReadonlyMap<RefName, string | null>

/**
 * Moves refs of a peer, each by compare-and-swap: one that holds by now neither the old value nor the new one stays, and nothing is
 * forced on it. New values are commits that are whole here. A push whose answer was lost is looked at again, never done twice.
 * @throws ProtocolError when all of it was refused before a ref was looked at; TransportError; the signal's reason
 */
export async function pushToPeer(
  repository: GitRepository,
  peer: GitPeer,
  updates: readonly RefUpdate[],
  options: ExchangeOptions,
): Promise<PushOutcomes> {
  const outcomes = new Map<RefName, string | null>()
  if (updates.length === 0) return outcomes
  await exchangeWith(peer, 'git-receive-pack', options, async ({ stream, path, signal, onBytes }) => {
    let asked: readonly RefUpdate[] = []
    const report = await pushToGit(stream, {
      agent: GIT_AGENT,
      ...(path === undefined ? {} : { path }),
      signal,
      repository,
      onBytes,
      commands: (refs) => {
        const values = new Map(refs.map(({ name, oid }) => [name, oid]))
        const valueOf = (name: string) => values.get(name) ?? null
        for (const { name, to } of updates) outcomes.set(name, valueOf(name) === to ? null : FETCH_FIRST)
        return (asked = updates.filter(({ name, from, to }) => valueOf(name) === from && from !== to))
      },
    })
    for (const { name } of asked)
      outcomes.set(name, report?.unpack ?? (report?.refs.has(name) ? report.refs.get(name)! : 'it was not moved'))
  })
  return outcomes
}
