import { decodeCommit } from '../../src/objects/commit.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { decodeTree } from '../../src/objects/tree.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { Fleet, type SimDevice } from './fleet.ts'

/** A vault that a person emptied waits for them (E2), so one file stays. */
const KEPT = 'Keep.md'
/** Virtual time for a healed fleet to come to rest: reconnects take up to 30 s, dead links are noticed after 30 s. */
const DRAIN_MS = 240_000

export interface SimResult {
  readonly seed: number
  readonly devices: number
  readonly shape: string
  readonly actions: readonly string[]
  readonly files: number
}

/** A fleet that did not keep a promise. The message names the seed and everything that happened. */
export class SimFailure extends Error {
  constructor(what: string, fleet: Fleet, actions: readonly string[]) {
    const state = fleet.devices.map((d) =>
      [
        `device ${d.number}: ${describe(d)}`,
        ...[...d.files()].map(([p, c]) => `    ${p}: ${JSON.stringify(c.slice(0, 200))}`),
        ...d.log.slice(-6).map((r) => `    log ${r.message} ${JSON.stringify(r.data)}`),
      ].join('\n'),
    )
    super(`seed ${fleet.seed}: ${what}\n  ${actions.join('\n  ')}\n${state.join('\n')}`)
  }
}

function describe(device: SimDevice): string {
  const { engine } = device
  if (!engine) return 'down'
  const { share } = device
  const { tree, lastError } = share
  const peers = engine
    .peerReports()
    .map((p) => `${p.name} ${p.status}${p.current ? ' current' : ''} ${p.state.lastError?.message ?? ''}`)
  const heads = [...share.state().heads].map(([id, oid]) => `${id.slice(0, 2)}=${oid.slice(0, 7)}`)
  return `view ${tree.applied?.slice(0, 7)} heads ${heads.join()} settled ${engine.isSettled} dirty ${tree.isDirty} error ${String(lastError)} issues ${JSON.stringify(tree.issues)} consent ${tree.consent?.direction} peers [${peers.join('; ')}]`
}

/**
 * One seeded life of a fleet: random edits, cuts, crashes and restarts, then it is healed and drained, and must have kept its
 * promises: the same tree everywhere, every text ever written reachable, and nothing more to say.
 */
export async function runScenario(
  seed: number,
  options: { devices?: number; steps?: number } = {},
): Promise<SimResult> {
  const random = seededRandom(seed ^ 0x5eed)
  const int = (n: number) => Math.floor(random.fraction() * n)
  const pick = <T>(list: readonly T[]): T => list[int(list.length)]!
  const count = options.devices ?? 2 + int(int(4) ? 4 : 7)
  const shape = pick(['mesh', 'chain', 'star'] as const)
  const fleet = new Fleet(seed, count, shape, {
    caseFolding: int(4) === 0,
    coarseTimes: int(3) === 0,
    latencyMs: pick([0, 1, 30, 200]),
  })
  const actions: string[] = []
  const written = new Set<string>()
  const words = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta']
  const paths = ['a.md', 'b.md', 'sub/c.md', 'sub/deep/d.md', 'data.bin', 'e.canvas', 'F.md', 'sub/日本.md']
  let serial = 0
  let loser: SimDevice | undefined
  const write = (device: SimDevice, path: string, content: string) => {
    try {
      device.disk.userWrite(path, content)
    } catch {
      return // a folder has that name: the person's editor would say so, too
    }
    for (const line of content.split('\n')) if (line.includes('#')) written.add(line)
  }
  const lines = (n: number) => Array.from({ length: n }, () => `${pick(words)} #${seed}.${serial++}`)
  const edit = (device: SimDevice): string => {
    const files = [...device.files().keys()].filter((path) => path !== KEPT)
    const path = files.length && int(3) ? pick(files) : pick(paths)
    const before = device.files().get(path)
    const text = before?.split('\n') ?? []
    const at = int(text.length + 1)
    switch (int(7)) {
      case 0:
        if (before === undefined) return 'nothing to delete'
        device.disk.userDelete(path)
        return `delete ${path}`
      case 1: {
        if (before === undefined) return 'nothing to rename'
        const to = pick(['', 'moved/', 'sub/']) + `${pick(words)}${int(5)}.md`
        if (device.files().has(to)) return `no room for ${to}`
        try {
          device.disk.userRename(path, to)
        } catch {
          return `cannot rename ${path}`
        }
        return `rename ${path} to ${to}`
      }
      case 2:
        write(device, path, lines(1 + int(8)).join('\n') + '\n')
        return `rewrite ${path}`
      default:
        text.splice(at, int(2), ...lines(1 + int(2)))
        write(device, path, text.join('\n'))
        return `edit ${path} line ${at}`
    }
  }
  const live = () => fleet.devices.filter((d) => d.engine)

  for (const device of fleet.devices) {
    device.disk.userWrite(KEPT, 'kept\n')
    await fleet.complete(device.start())
  }
  const steps = options.steps ?? 25
  for (let step = 0; step < steps; step++) {
    const device = pick(fleet.devices)
    const other = pick(fleet.devices)
    let what: string
    switch (int(14)) {
      case 0:
        if (device.engine) {
          device.crash()
          what = `${device.number} crashes`
        } else {
          await fleet.complete(device.start())
          what = `${device.number} starts`
        }
        break
      case 1:
        fleet.network.cut(device.id, other.id)
        what = `${device.number}-${other.number} cut`
        break
      case 2:
        fleet.network.partition(device.id, other.id)
        what = `${device.number}-${other.number} partitioned`
        break
      case 3:
        fleet.network.heal(device.id, other.id)
        what = `${device.number}-${other.number} healed`
        break
      case 4:
        fleet.network.cutAfterBytes(int(2000))
        what = 'the next stream will be cut'
        break
      case 5:
        if (device.engine) {
          await fleet.complete(device.stop())
          what = `${device.number} stops`
        } else {
          await fleet.complete(device.start())
          what = `${device.number} starts`
        }
        break
      case 6:
        device.disk.failNext(pick(['scan', 'stat', 'read', 'write', 'trash'] as const))
        what = `${device.number}'s disk will fail once`
        break
      case 7:
        // One device per life: when two neighbours lose theirs, a third may hold a head that its owner is never told of (docs/protocol.md, V8).
        if (loser !== undefined && loser !== device) what = `${device.number}: ${edit(device)}`
        else {
          loser = device
          device.crash()
          device.loseState()
          what = `${device.number} loses its repository and index (V8)`
        }
        break
      case 8: {
        const folders = [
          ...new Set([...device.files().keys()].filter((p) => p.includes('/')).map((p) => p.slice(0, p.indexOf('/')))),
        ]
        if (!folders.length) what = 'no folder to rename'
        else {
          const [from, to] = [pick(folders), `${pick(words)}-${serial++}`]
          device.disk.userRename(from, to)
          what = `${device.number}: rename folder ${from} to ${to}`
        }
        break
      }
      default:
        what = `${device.number}: ${edit(device)}`
    }
    const wait = pick([0, 5, 50, 400, 1500, 6000])
    actions.push(`${what}; wait ${wait}`)
    await fleet.clock.advance(wait)
  }

  actions.push('heal and drain')
  for (const a of fleet.devices) for (const b of fleet.devices) if (a !== b) fleet.network.heal(a.id, b.id)
  for (const device of fleet.devices) if (!device.engine) await fleet.complete(device.start())
  for (const device of fleet.devices) device.engine!.peers.connectAll()
  await drain(fleet)
  checkSameEverywhere(fleet, actions)
  checkNothingLost(fleet, actions, written)
  await checkAtRest(fleet, actions)
  const files = fleet.devices[0]!.files().size
  for (const device of live()) await fleet.complete(device.stop())
  const timers = fleet.devices.reduce((sum, d) => sum + d.leftoverTimers, 0)
  if (timers) throw new SimFailure(`[L9] ${timers} timers are left after everything stopped`, fleet, actions)
  return { seed, devices: count, shape, actions, files }
}

async function drain(fleet: Fleet): Promise<void> {
  const until = fleet.clock.now() + DRAIN_MS
  while (fleet.clock.now() < until) {
    await fleet.clock.advance(5_000)
    if (
      fleet.devices.every(
        (d) =>
          d.engine!.isSettled &&
          !d.share.tree.issues.unreadable.length &&
          d.engine!.peerReports().every((p) => p.status === 'connected' && p.current),
      )
    )
      return
  }
}

/** V3: every device shows the same, byte for byte, and knows it. */
function checkSameEverywhere(fleet: Fleet, actions: readonly string[]): void {
  const [first, ...rest] = fleet.devices
  const expected = JSON.stringify([...first!.files()].sort())
  for (const device of rest) {
    if (device.share.state().applied !== first!.share.state().applied)
      throw new SimFailure(`[V3] device ${device.number} shows another view than device 0`, fleet, actions)
    if (JSON.stringify([...device.files()].sort()) !== expected)
      throw new SimFailure(`[V3] device ${device.number} holds other files than device 0`, fleet, actions)
  }
  for (const device of fleet.devices) {
    const behind = device.engine!.peerReports().filter((p) => !p.current)
    if (behind.length)
      throw new SimFailure(
        `[L8] device ${device.number} does not know that ${behind.map((p) => `${p.name} (${p.status}, ${p.state.lastError?.message})`).join()} is current`,
        fleet,
        actions,
      )
  }
}

/** V6: every line that a person wrote and that was on a disk when its device looked is in some reachable version. */
function checkNothingLost(fleet: Fleet, actions: readonly string[], written: ReadonlySet<string>): void {
  const reachable = reachableText(fleet.devices[0]!)
  const shown = [...fleet.devices[0]!.files().values()].join('\n')
  for (const line of written) {
    if (reachable.includes(line) || shown.includes(line)) continue
    // Overwritten or deleted by its own author before any device looked: nobody could have kept it.
    if (fleet.devices.some((d) => reachableText(d).includes(line)))
      throw new SimFailure(`[V6] ${line} is known to one device only`, fleet, actions)
  }
}

function reachableText(device: SimDevice): string {
  const { objects } = device.objects
  const seen = new Set<Oid>()
  const texts: string[] = []
  const queue = [...device.refs.values()]
  while (queue.length) {
    const oid = queue.pop()!
    if (seen.has(oid)) continue
    seen.add(oid)
    const object = objects.get(oid)
    if (!object) throw new Error(`[T2] device ${device.number} lacks ${oid}, which its refs reach`)
    if (object.type === 'commit') {
      const { tree, parents } = decodeCommit(object.content)
      queue.push(tree, ...parents)
    } else if (object.type === 'tree') queue.push(...decodeTree(object.content).map((e) => e.oid))
    else texts.push(new TextDecoder().decode(object.content))
  }
  return texts.join('\n')
}

/** A second drain sends no objects and moves nothing: pings and snapshots are all there is. */
async function checkAtRest(fleet: Fleet, actions: readonly string[]): Promise<void> {
  const snapshot = () =>
    JSON.stringify(fleet.devices.map((d) => [[...d.refs], d.objects.objects.size, d.share.state().applied]))
  const before = snapshot()
  await fleet.clock.advance(130_000)
  if (snapshot() !== before) throw new SimFailure('[L8] the fleet does not come to rest', fleet, actions)
}
