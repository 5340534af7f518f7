import { viewOf } from '../history/view.ts'
import type { Oid } from '../objects/oid.ts'
import type { Repository } from './repository.ts'

/**
 * The commit that continues both of two, stored and in the graph: the view of the two as heads (V3), so that whoever merges the same two
 * gets the same commit, nothing that a person wrote is lost (V6), and a merge made on both sides at once is no new conflict.
 */
export async function mergeHeads(repository: Repository, left: Oid, right: Oid): Promise<Oid> {
  const view = (await repository.run(viewOf(repository.codec, repository.graph, [left, right])))!
  if (view.objects.length > 0) await repository.storeObjects(view.objects)
  await repository.recall(view.commit)
  return view.commit
}
