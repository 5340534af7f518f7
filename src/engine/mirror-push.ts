import type { Oid } from '../objects/oid.ts'
import { MirrorError } from '../ports/mirror-error.ts'
import type { RefName } from '../ports/ref-store.ts'
import type { RefCommand } from '../protocol/git/receive-commands.ts'
import { GIT_AGENT } from './app.ts'
import { pushToGit } from './git-client.ts'
import { converse, counting, DEVICES, isViewOf, MAIN, readMirror } from './mirror-refs.ts'
import type { MirrorOptions, MirrorRefs } from './mirror-refs.ts'
import type { Repository } from './repository.ts'

export interface MirrorReport {
  /** What the vault shows; null while it has no history. */
  readonly main: Oid | null
  /** Refs that were moved or made. */
  readonly pushed: readonly RefName[]
  /** Refs that hold more there than here, from other devices that keep the same mirror. */
  readonly ahead: readonly RefName[]
}

interface Plan {
  readonly commands: readonly RefCommand[]
  readonly ahead: readonly RefName[]
  /** Refs whose history there is no part of ours: a push would hide it. */
  readonly apart: readonly RefName[]
}

/** Others may push to the same mirror meanwhile. */
const ROUNDS = 3

/**
 * Brings a mirror to what this device knows: the refs of all devices, and `main`. Nothing that the mirror holds is lost by it: each
 * device's ref moves forward only, and `main` forward, or from one view to another of more (V3).
 * @throws MirrorError `not-forward`, after everything else was pushed, `unrelated`, `refused`, `damaged`; TransportError; the signal's reason
 */
export async function pushToMirror(repository: Repository, options: MirrorOptions): Promise<MirrorReport> {
  const pushed = new Set<RefName>()
  let refusals: readonly (readonly [string, string])[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const view = await repository.view()
    if (!view) return { main: null, pushed: [], ahead: [] }
    const plan = await planPush(repository, view.commit, await readMirror(repository, options, { any: false }))
    if (plan.commands.length > 0) {
      refusals = await push(repository, plan.commands, options, pushed)
      if (refusals.length > 0) continue
    }
    if (plan.apart.length > 0) throw apart(repository, plan.apart)
    return { main: view.commit, pushed: [...pushed], ahead: plan.ahead }
  }
  const [name, reason] = refusals[0]!
  throw new MirrorError('refused', `${name}: ${reason}`, { ref: name })
}

async function planPush(repository: Repository, view: Oid, mirror: MirrorRefs): Promise<Plan> {
  const { graph } = repository
  const commands: RefCommand[] = []
  const ahead: RefName[] = []
  const hidden: RefName[] = []
  const compare = (name: RefName, from: Oid | null, to: Oid): boolean => {
    if (from === to) return true
    if (from === null || graph.isAncestor(from, to)) commands.push({ name, from, to })
    else if (graph.isAncestor(to, from)) ahead.push(name)
    else return false
    return true
  }
  for (const [device, oid] of repository.heads()) {
    const name: RefName = `${DEVICES}${device}`
    if (!compare(name, mirror.devices.get(device) ?? null, oid)) hidden.push(name)
  }
  for (const [device, oid] of mirror.devices)
    if (!repository.heads().has(device) && !graph.isAncestor(oid, view)) ahead.push(`${DEVICES}${device}`)
  if (!compare(MAIN, mirror.main, view)) {
    const from = mirror.main!
    const theirs = [...mirror.devices.values()]
    if (await isViewOf(repository, from, [view])) commands.push({ name: MAIN, from, to: view })
    else if (theirs.some((tip) => graph.isAncestor(from, tip)) || (await isViewOf(repository, from, [view, ...theirs])))
      ahead.push(MAIN)
    else hidden.push(MAIN)
  }
  return { commands, ahead, apart: hidden }
}

/** What was refused, by ref, with the reason. */
async function push(
  repository: Repository,
  commands: readonly RefCommand[],
  options: MirrorOptions,
  pushed: Set<RefName>,
): Promise<readonly (readonly [string, string])[]> {
  const report = await converse('git-receive-pack', options, ({ stream, path }) =>
    pushToGit(stream, {
      agent: GIT_AGENT,
      ...(path === undefined ? {} : { path }),
      signal: options.signal,
      repository,
      commands: () => commands,
      onBytes: counting('push', options),
    }),
  )
  if (!report) return []
  if (report.unpack !== null) throw new MirrorError('refused', report.unpack)
  const refused: [string, string][] = []
  for (const { name } of commands) {
    const reason = report.refs.has(name) ? report.refs.get(name)! : 'it was not moved'
    if (reason === null)
      pushed.add(name as RefName) // one of ours: see planPush
    else refused.push([name, reason])
  }
  return refused
}

function apart(repository: Repository, names: readonly RefName[]): MirrorError {
  const own: RefName = `${DEVICES}${repository.self}`
  const message = names.includes(own)
    ? 'the mirror holds edits of this very device that it does not have any more'
    : 'the mirror holds edits that no device of this vault made'
  return new MirrorError('not-forward', message, { refs: names.slice(0, 5) })
}
