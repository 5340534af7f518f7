import type { Grant } from '../../src/ports/share-record.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { recordOf, TestNetwork, type TestDevice } from '../support/two-devices.ts'

/** Folders of the owner that may become shares; the last name is where a guest puts it. */
const FOLDERS = ['Plan', 'Work/Team', 'Work/Deep/Notes'] as const
const KEPT = 'Keep.md'
const DRAIN_MS = 300_000

export interface ShareSimResult {
  readonly seed: number
  readonly actions: readonly string[]
  /** Shares that a guest had at the end, and lines that reached one. */
  readonly granted: number
  readonly arrived: number
}

/** A line that somebody wrote: what may know it follows from the grants of that moment on. */
interface Line {
  readonly writer: TestDevice
  /** Of the owner's folders; null: the rest of a vault, which never leaves its owner's devices. */
  readonly folder: string | null
  readonly at: number
}

interface Interval {
  readonly guest: TestDevice
  readonly folder: string
  readonly from: number
  to: number
  grant: Grant
}

/**
 * One seeded life of an owner with two devices and of guests, who are granted folders, lose them, write, crash and come back; shares
 * end and are made anew. At the end: nothing hidden has ever left, everything granted has arrived, nothing of a reader was taken.
 */
export async function runShareScenario(seed: number, steps = 40): Promise<ShareSimResult> {
  const random = seededRandom(seed ^ 0x5a4e)
  const int = (n: number): number => Math.floor(random.fraction() * n)
  const pick = <T>(list: readonly T[]): T => list[int(list.length)]!
  const net = new TestNetwork({ seed, latencyMs: pick([0, 1, 30]) })
  const [owner, desk] = [net.device(1, { name: 'owner' }), net.device(2, { name: 'desk' })]
  const guests = Array.from({ length: 1 + int(3) }, (_, n) => net.device(3 + n, { name: `guest ${n}` }))
  owner.records = [recordOf(desk), ...guests.map((guest) => recordOf(guest, { grants: {} }))]
  desk.records = [recordOf(owner)]
  for (const guest of guests) guest.records = [recordOf(owner, { grants: {} })]
  const everybody = [owner, desk, ...guests]
  const actions: string[] = []
  const lines = new Map<string, Line>()
  const intervals: Interval[] = []
  const ids = new Map<string, string>()
  const now = () => net.clock.now()
  const fail = (what: string): never => {
    throw new Error(
      `seed ${seed}: ${what}\n  ${actions.join('\n  ')}\n${net.devices.map((d) => d.describe()).join('\n')}`,
    )
  }
  const openGrant = (guest: TestDevice, folder: string): Interval | undefined =>
    intervals.find((one) => one.guest === guest && one.folder === folder && one.to === Infinity)

  const write = (device: TestDevice, path: string, folder: string | null): string => {
    const line = `line ${seed}.${lines.size}.`
    lines.set(line, { writer: device, folder, at: now() })
    const before = device.text(path) ?? ''
    device.write(path, int(4) ? `${before}${line}\n` : `${line}\n`)
    return `${device.choices.name}: ${line} in ${path}`
  }
  /** Where a device has a folder of the owner's; undefined: nowhere. */
  const placeOf = (device: TestDevice, folder: string): string | undefined =>
    device === owner || device === desk
      ? folder
      : device.folders.records.find((record) => record.id === ids.get(folder))?.folder

  for (const device of everybody) {
    device.write(KEPT, 'kept\n')
    await net.complete(device.start())
  }
  for (const folder of FOLDERS) {
    write(owner, `${folder}/${KEPT}`, folder)
    ids.set(folder, (await net.complete(owner.engine!.folders.create(folder))).id)
  }

  const step = async (): Promise<string> => {
    const guest = pick(guests)
    const folder = pick(FOLDERS)
    const id = ids.get(folder)!
    switch (int(12)) {
      case 0:
      case 1: {
        const grant = pick<Grant>(['read', 'write', 'write'])
        const open = openGrant(guest, folder)
        if (!owner.engine) return 'the owner is down'
        if (!open) intervals.push({ guest, folder, from: now(), to: Infinity, grant })
        else if (open.grant !== grant) {
          open.to = now()
          intervals.push({ guest, folder, from: now(), to: Infinity, grant })
        }
        await net.complete(owner.peers.setGrant(guest.id, id, grant))
        return `${folder} for ${guest.choices.name}: ${grant}`
      }
      case 2: {
        const open = openGrant(guest, folder)
        if (!owner.engine || !open) return 'nothing to take back'
        if (!int(3)) {
          await net.complete(owner.engine.folders.end(id))
          for (const one of intervals) if (one.folder === folder && one.to === Infinity) one.to = now()
          ids.set(folder, (await net.complete(owner.engine.folders.create(folder))).id)
          return `${folder} is no share any more, and is made one anew`
        }
        await net.complete(owner.peers.setGrant(guest.id, id, null))
        open.to = now()
        return `${folder} taken back from ${guest.choices.name}`
      }
      case 3: {
        const [offer] = guest.engine?.folders.offers() ?? []
        const [given] = guest.folders.records
        if (guest.engine && given && !int(3)) {
          await net.complete(guest.engine.folders.end(given.id))
          return `${guest.choices.name} wants ${given.title} no more`
        }
        if (!offer) return 'nothing to accept'
        const into = `Got ${actions.length}`
        await net.complete(guest.engine!.folders.accept(offer.share, into))
        return `${guest.choices.name} accepts ${offer.title} into ${into}`
      }
      case 4:
        net.network.partition(owner.id, guest.id)
        return `owner and ${guest.choices.name} are apart`
      case 5:
        net.network.heal(owner.id, guest.id)
        return `owner and ${guest.choices.name} are together`
      case 6: {
        const device = pick(everybody)
        if (!device.engine) {
          await net.complete(device.start())
          return `${device.choices.name} starts`
        }
        if (int(2)) device.crash()
        else await net.complete(device.stop())
        return `${device.choices.name} ends`
      }
      case 7:
        return write(pick(everybody), `Own ${int(3)}.md`, null)
      default: {
        const device = pick(everybody)
        const place = placeOf(device, folder)
        if (place === undefined) return 'no place'
        return write(device, `${place}/note ${int(2)}.md`, folder)
      }
    }
  }
  for (let n = 0; n < steps; n++) {
    const what = await step()
    const wait = pick([0, 5, 400, 1500, 6000])
    actions.push(`${what}; wait ${wait}`)
    await net.clock.advance(wait)
  }

  for (const guest of guests) net.network.heal(owner.id, guest.id)
  for (const device of everybody) if (!device.engine) await net.complete(device.start())
  for (const device of everybody) device.peers.connectAll()
  const isInStep = () =>
    everybody.every(
      (d) => d.engine!.isSettled && d.engine!.peerReports().every((p) => p.status === 'connected' && p.current),
    )
  const until = now() + DRAIN_MS
  while (!isInStep() && now() < until) await net.clock.advance(5_000)
  if (!isInStep()) fail('[L8] the fleet does not come to rest in step')

  // Everything granted has arrived.
  let granted = 0
  for (const { guest, folder, grant, to } of intervals) {
    const id = ids.get(folder)!
    const there = guest.engine!.shares.get(id)
    if (to !== Infinity || !there) continue
    granted++
    const here = owner.engine!.shares.get(id)!
    if (grant === 'write' && there.state().applied !== here.state().applied)
      fail(`[V3] ${guest.choices.name} shows another ${folder} than the owner`)
    for (const [device, oid] of here.state().heads)
      if (device !== guest.id && there.state().heads.get(device) !== oid)
        fail(`${guest.choices.name} lacks a head of ${folder}`)
  }
  if (desk.share.state().applied !== owner.share.state().applied) fail('[V3] the own devices differ')

  // Nothing hidden has ever left, and nothing of a reader was taken.
  let arrived = 0
  for (const device of everybody) {
    const known = everythingOf(device)
    for (const [line, { writer, folder, at }] of lines) {
      if (device === writer || !known.includes(line)) continue
      const isOwn = (one: TestDevice) => one === owner || one === desk
      /** Whether a grant allowed the line to travel between the owner's devices and a guest at any time from then on. */
      const may = (guest: TestDevice, grants: readonly Grant[]): boolean =>
        intervals.some((i) => i.guest === guest && i.folder === folder && i.to >= at && grants.includes(i.grant))
      const outward = isOwn(device) || may(device, ['read', 'write'])
      const inward = isOwn(writer) || may(writer, ['write'])
      if (folder === null ? !(isOwn(device) && isOwn(writer)) : !(outward && inward))
        fail(`[S5] ${device.choices.name} has “${line}” of ${folder ?? 'a vault'}, written by ${writer.choices.name}`)
      arrived++
    }
  }
  if (await net.stop()) fail('[L9] timers are left after everything stopped')
  return { seed, actions, granted, arrived }
}

/** Every byte of text that a device holds: its disk, and the objects of all its histories. */
function everythingOf(device: TestDevice): string {
  const stores = [device.objects, ...device.folders.all().map(({ objects }) => objects)]
  const objects = stores.flatMap((store) => [...store.objects.values()].map(({ content }) => content))
  return [...device.disk.files().values(), ...objects].map((content) => new TextDecoder().decode(content)).join('\n')
}
