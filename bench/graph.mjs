/** The questions that planning a sync asks of a long history. */
import { lastJson, run } from './kit.mjs'

const COMMITS = 10_000
const PLAN_US = 50_000

export async function graph({ bundles }) {
  const found = lastJson((await run([process.execPath, bundles.inProcess, 'graph', String(COMMITS)])).text)
  const row = (what, key) => ({ what, unit: 'µs', value: found[key] })
  return [
    row(`merge bases of two heads, ${COMMITS} commits`, 'mergeBasesUs'),
    row('merge bases of the oldest and the newest', 'mergeBasesFarUs'),
    row('is an ancestor, 40 commits back', 'isAncestorUs'),
    row('is an ancestor, the whole way back', 'isAncestorFarUs'),
    row('what one head has and the other lacks', 'notInUs'),
    row('maximal heads (the view)', 'maximalUs'),
    { ...row(`plan of a sync, one ref ${COMMITS} commits behind`, 'planFarUs'), aim: { most: PLAN_US } },
    { ...row(`plan of a sync, both sides moved, one by ${COMMITS}`, 'planApartUs'), aim: { most: PLAN_US } },
  ]
}
