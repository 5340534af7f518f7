import type { Oid } from '../objects/oid.ts'
import { checkConnectivity, isConnected } from './connectivity.ts'
import { descends } from './descent.ts'
import type { Repository } from './repository.ts'

/** `fetch-first`: the view is another by now. `not-forward`: the commit does not continue it. `incomplete`: objects are missing.
 * `forbidden`: the pusher may not, by now. */
export type PushOutcome = 'accepted' | 'fetch-first' | 'not-forward' | 'incomplete' | 'paused' | 'forbidden'

/**
 * Makes a commit that somebody pushed onto the view `from` (null: onto nothing) the view (T4): our own ref moves to it. That is
 * forward, because the commit continues the view and the view our ref (V2); nobody else's ref is touched, and every other device
 * learns of it as of any edit of ours. A head of another device that arrives in between merges with it, as with any edit.
 *
 * `mayWrite` is asked at the very move (S1). To be called when nothing of ours is being committed. @throws CorruptObjectError when it is no history of a vault; nothing moved then
 */
export async function acceptPush(
  repository: Repository,
  from: Oid | null,
  tip: Oid,
  mayWrite: () => boolean,
): Promise<PushOutcome> {
  const view = await repository.view()
  if ((view?.commit ?? null) !== from) return 'fetch-first'
  if (tip === from) return 'accepted'
  const found = await checkConnectivity(repository.objects, repository.graph, [tip])
  if (!isConnected(found)) return 'incomplete'
  if (from !== null && !descends(repository.graph, found.fresh, from, tip)) return 'not-forward'
  let forbidden = false
  const mayMove = (): boolean => {
    forbidden = !mayWrite()
    return !forbidden
  }
  const received = await repository.receive(new Map([[repository.self, tip]]), mayMove)
  if (received.result === 'incomplete') return 'incomplete'
  if (forbidden) return 'forbidden'
  await repository.view() // names it by refs/heads/main, before the pusher hears of it
  return 'accepted'
}
