import type { CommitGraph } from '../history/commit-graph.ts'
import type { Oid } from '../objects/oid.ts'
import { StoreError } from '../ports/errors.ts'
import type { RefName, RefStore } from '../ports/ref-store.ts'
import { isEndpointId, type EndpointId } from '../ports/transport.ts'
import type { DeviceHeads } from '../protocol/messages.ts'

const DEVICES = 'refs/devices/'
/** A head of our own that a peer held and that our store had lost or left behind (V8); counts as a head until a commit descends from it. */
const RESCUED = 'refs/tandem/rescued/'
/** Names the view, so that a stock `git clone` checks out what the vault shows (V3). */
const MAIN: RefName = 'refs/heads/main'

/**
 * The heads that one share's refs name: one of every device, own ones beside it (V8), and those that wait, because their histories
 * cannot be read at the moment. What is changed is stored first: memory never knows more than the disk.
 */
export class DeviceRefs {
  readonly #store: RefStore
  readonly #self: EndpointId
  readonly #heads = new Map<EndpointId, Oid>()
  readonly #rescued = new Set<Oid>()
  readonly #waiting = new Map<RefName, Oid>()

  private constructor(store: RefStore, self: EndpointId) {
    this.#store = store
    this.#self = self
  }

  /** All of them wait, until `countIn`. */
  static async load(store: RefStore, self: EndpointId): Promise<DeviceRefs> {
    const refs = new DeviceRefs(store, self)
    for (const [name, oid] of await store.list())
      if (name.startsWith(RESCUED) || deviceOf(name)) refs.#waiting.set(name, oid)
    return refs
  }

  get heads(): DeviceHeads {
    return this.#heads
  }

  get own(): Oid | null {
    return this.#heads.get(this.#self) ?? null
  }

  /** V8 */
  get rescued(): ReadonlySet<Oid> {
    return this.#rescued
  }

  get waiting(): ReadonlyMap<RefName, Oid> {
    return this.#waiting
  }

  tips(): Oid[] {
    return [...this.#heads.values(), ...this.#rescued]
  }

  isWaiting(device: EndpointId): boolean {
    return this.#waiting.has(refOf(device))
  }

  /** Takes those that wait for heads whose histories are in the graph by now. False when there is none. */
  countIn(graph: CommitGraph): boolean {
    const before = this.#waiting.size
    for (const [name, oid] of [...this.#waiting]) {
      if (!graph.has(oid)) continue
      this.#waiting.delete(name)
      const device = deviceOf(name)
      if (device) this.#heads.set(device, oid)
      else this.#rescued.add(oid)
    }
    return this.#waiting.size < before
  }

  /** That it goes forward is the caller's knowledge (V2). @throws StoreError `damaged` when somebody else moved the ref. */
  async move(device: EndpointId, to: Oid): Promise<void> {
    const ref = refOf(device)
    if (!(await this.#store.compareAndSwap(ref, this.#heads.get(device) ?? null, to))) {
      const whose = device === this.#self ? "this device's own ref" : 'a ref'
      throw new StoreError('damaged', `${whose} was moved by another program; start Tandem again`, { ref })
    }
    this.#heads.set(device, to)
  }

  /** V8: another head of our own. */
  async rescue(oid: Oid): Promise<void> {
    await this.#store.compareAndSwap(`${RESCUED}${oid}`, null, oid)
    this.#rescued.add(oid)
  }

  /** Those that the own head continues by now are no heads any more. */
  async dropRescued(graph: CommitGraph): Promise<void> {
    const { own } = this
    for (const oid of this.#rescued) {
      if (!own || !graph.isAncestor(oid, own)) continue
      await this.#store.compareAndSwap(`${RESCUED}${oid}`, oid, null)
      this.#rescued.delete(oid)
    }
  }

  /**
   * V8: the own ref names what a failing disk damaged, and a peer has an older head of ours and not that: from there we go on. What the
   * lost commits held is on the disk, and becomes a commit again. Somebody who has them still brings them back as a head beside it.
   */
  async takeBack(to: Oid): Promise<boolean> {
    const name = refOf(this.#self)
    if (!(await this.#store.compareAndSwap(name, this.#waiting.get(name)!, to))) return false
    this.#waiting.delete(name)
    this.#heads.set(this.#self, to)
    return true
  }

  async nameView(commit: Oid): Promise<void> {
    await this.#store.compareAndSwap(MAIN, await this.#store.read(MAIN), commit)
  }
}

function refOf(device: EndpointId): RefName {
  return `${DEVICES}${device}`
}

/** The device whose head a ref is, if it is one. */
function deviceOf(name: RefName): EndpointId | null {
  const device = name.slice(DEVICES.length)
  return name.startsWith(DEVICES) && isEndpointId(device) ? device : null
}
