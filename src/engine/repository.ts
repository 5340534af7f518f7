import { CommitGraph } from '../history/commit-graph.ts'
import { runReading, type ReadRequest, type Reading } from '../history/reading.ts'
import { viewOf, type View } from '../history/view.ts'
import type { Codec } from '../objects/codec.ts'
import { encodeCommit, type Commit, type Identity } from '../objects/commit.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import { isOid, type GitObject, type ObjectType, type Oid } from '../objects/oid.ts'
import { StoreError } from '../ports/errors.ts'
import type { Breathe } from '../ports/clock.ts'
import { LARGE_BLOB, type ObjectStore } from '../ports/object-store.ts'
import type { RefName, RefStore } from '../ports/ref-store.ts'
import { isEndpointId, type EndpointId } from '../ports/transport.ts'
import type { DeviceHeads } from '../protocol/messages.ts'
import { checkConnectivity, isConnected, readCommit, type Connectivity } from './connectivity.ts'
import { Emitter } from '../peers/emitter.ts'
import { Mutex } from './mutex.ts'

/** Objects that a reading asked for and that are read side by side: waiting overlaps, and the work of so many fits into a breath. */
const READ_TOGETHER = 16

const DEVICES = 'refs/devices/'
/** A head of our own that a peer held and that our store had lost or left behind (V8); counts as a head until a commit descends from it. */
const RESCUED = 'refs/tandem/rescued/'
/** Names the view, so that a stock `git clone` checks out what the vault shows (V3). */
const MAIN: RefName = 'refs/heads/main'

export interface NewObjectBytes {
  readonly type: ObjectType
  readonly content: Uint8Array
}

export type ReceiveResult =
  /** `moved`: the heads that are new here now. */
  | { readonly result: 'received'; readonly moved: DeviceHeads; readonly refused: readonly RefusedHead[] }
  | { readonly result: 'incomplete'; readonly missing: Connectivity }

/** V2: a ref that would not move forward keeps its old value. */
export interface RefusedHead {
  readonly device: EndpointId
  readonly offered: Oid
  readonly kept: Oid
}

/**
 * One share's history: objects, the heads of all devices, and the view computed from them.
 * Every ref names a complete history at all times (T2); only the own ref is moved by us (V2).
 */
export class Repository {
  readonly graph = new CommitGraph()
  readonly #changed = new Emitter<void>()
  readonly #writing = new Mutex()
  #heads = new Map<EndpointId, Oid>()
  #rescued = new Set<Oid>()
  /** Of what was asked for: damaged or gone when it was to be read. */
  readonly #lost = new Set<Oid>()
  #view: { key: string; view: View | null } | null = null

  private constructor(
    readonly objects: ObjectStore,
    readonly refs: RefStore,
    readonly codec: Codec,
    readonly self: EndpointId,
    readonly breathe: Breathe,
  ) {}

  /** @throws StoreError `damaged` when a ref names a commit that is not whole. */
  static async open(
    objects: ObjectStore,
    refs: RefStore,
    codec: Codec,
    self: EndpointId,
    breathe: Breathe = () => undefined,
  ): Promise<Repository> {
    const repository = new Repository(objects, refs, codec, self, breathe)
    await repository.#load()
    return repository
  }

  async #load(): Promise<void> {
    for (const [name, oid] of await this.refs.list()) {
      const device = name.slice(DEVICES.length)
      if (name.startsWith(DEVICES) && isEndpointId(device)) this.#heads.set(device, oid)
      else if (name.startsWith(RESCUED)) this.#rescued.add(oid)
    }
    await this.#loadGraph(this.#tips())
  }

  /** What refs name was proven whole before they named it, so only the commits are read here. */
  async #loadGraph(tips: Iterable<Oid>): Promise<void> {
    const pending = [...tips]
    const commits = new Map<Oid, Commit>()
    while (pending.length) {
      const oid = pending.pop()!
      if (commits.has(oid) || this.graph.has(oid)) continue
      const commit = await readCommit(this.objects, oid)
      if (!commit)
        throw new StoreError('damaged', `the repository lacks commit ${oid}, which its history needs`, { oid })
      commits.set(oid, commit)
      pending.push(...commit.parents)
    }
    const stack = [...commits.keys()]
    while (stack.length) {
      const oid = stack[stack.length - 1]!
      const commit = commits.get(oid)!
      const waiting = this.graph.has(oid) ? [] : commit.parents.filter((p) => !this.graph.has(p))
      if (waiting.length) {
        stack.push(...waiting)
        continue
      }
      stack.pop()
      if (!this.graph.has(oid)) this.#addToGraph(oid, commit)
    }
  }

  /**
   * Makes sure that a commit which no ref reaches is in the graph: a view that the vault shows is named by the index alone.
   * False when the store does not hold it.
   */
  async recall(oid: Oid): Promise<boolean> {
    if (!this.graph.has(oid) && (await this.objects.has(oid))) await this.#loadGraph([oid])
    return this.graph.has(oid)
  }

  #addToGraph(oid: Oid, commit: Commit): void {
    this.graph.add(oid, { parents: commit.parents, tree: commit.tree, seconds: commit.committer.seconds })
  }

  /** Called after each change of heads. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener)
  }

  heads(): DeviceHeads {
    return this.#heads
  }

  ownHead(): Oid | null {
    return this.#heads.get(this.self) ?? null
  }

  #tips(): Oid[] {
    return [...this.#heads.values(), ...this.#rescued]
  }

  /** Runs a pure computation on the store's objects. */
  run<R>(reading: Reading<R>): Promise<R> {
    return runReading(reading, (request: ReadRequest) => this.#answer(request))
  }

  async #answer(request: ReadRequest): Promise<(GitObject | null)[]> {
    if (request.oids.length === 0) await this.breathe()
    const limit = request.maxSize ?? LARGE_BLOB
    const read = async (oid: Oid): Promise<GitObject | null> => {
      const info = await this.objects.info(oid)
      if (!info) throw this.#missing(oid)
      return info.size > limit ? null : this.read(oid)
    }
    const answer: (GitObject | null)[] = []
    for (let at = 0; at < request.oids.length; at += READ_TOGETHER) {
      await this.breathe()
      answer.push(...(await Promise.all(request.oids.slice(at, at + READ_TOGETHER).map(read))))
    }
    return answer
  }

  /** The view of all heads (V3), stored, and named by `refs/heads/main`. Null while no device has committed anything. */
  async view(): Promise<View | null> {
    return this.#writing.run(() => this.#viewNow())
  }

  async #viewNow(): Promise<View | null> {
    const tips = this.graph.maximal(this.#tips())
    const key = tips.join()
    if (this.#view?.key === key) return this.#view.view
    const view = await this.run(viewOf(this.codec, this.graph, tips))
    if (view) {
      if (view.objects.length) await this.storeObjects(view.objects)
      if (!this.graph.has(view.commit)) this.#addToGraph(view.commit, (await readCommit(this.objects, view.commit))!)
      await this.refs.compareAndSwap(MAIN, await this.refs.read(MAIN), view.commit)
    }
    this.#view = { key, view }
    return view
  }

  /** Objects without a ref: for a commit that follows. */
  async storeObjects(objects: readonly NewObjectBytes[]): Promise<void> {
    const batch = await this.objects.begin()
    try {
      for (const { type, content } of objects) await batch.add(type, content)
      await batch.commit()
    } finally {
      await batch.abort()
    }
  }

  /**
   * Stores a commit of this device with its new trees and moves the own ref to it. The blobs must be in the store.
   * Objects first, then the ref: a kill in between leaves unreachable objects and nothing else.
   * A commit that does not continue the own ref (its base is older than what we once sent) becomes a head beside it (V8).
   *
   * @throws StoreError `damaged` when somebody else moved our ref.
   */
  async commit(
    tree: Oid,
    parents: readonly Oid[],
    identity: Identity,
    message: string,
    objects: readonly NewObjectBytes[],
  ): Promise<Oid> {
    return this.#writing.run(async () => {
      const commit: Commit = { tree, parents, author: identity, committer: identity, message }
      const batch = await this.objects.begin()
      let oid: Oid
      try {
        for (const { type, content } of objects) await batch.add(type, content)
        oid = await batch.add('commit', encodeCommit(commit))
        await batch.commit()
      } finally {
        await batch.abort()
      }
      const before = this.ownHead()
      if (oid === before) return oid
      if (before && !parents.some((parent) => this.graph.isAncestor(before, parent))) {
        this.#addToGraph(oid, commit)
        await this.#rescue(oid) // V2: the own ref moves forward only; `join` brings the two together
        this.#changed.emit()
        return oid
      }
      if (!(await this.refs.compareAndSwap(`${DEVICES}${this.self}`, before, oid))) {
        throw new StoreError('damaged', "this device's own ref was moved by another program; start Tandem again", {
          ref: `${DEVICES}${this.self}`,
        })
      }
      this.#addToGraph(oid, commit)
      this.#heads.set(this.self, oid)
      await this.#dropRescued()
      this.#changed.emit()
      return oid
    })
  }

  /** Heads among `offered` that we lack and might take. */
  wanted(offered: DeviceHeads): DeviceHeads {
    return new Map([...offered].filter(([device, oid]) => this.#heads.get(device) !== oid && !this.#isOld(device, oid)))
  }

  #isOld(device: EndpointId, oid: Oid): boolean {
    const current = this.#heads.get(device)
    if (!this.graph.has(oid)) return false
    if (device === this.self && this.#rescued.has(oid)) return true
    return current !== undefined && this.graph.isAncestor(oid, current)
  }

  /**
   * Takes offered heads whose histories are complete in the store (T2); the store may have been given their objects just before.
   * Those that may not move stay, without a word.
   *
   * @throws CorruptObjectError when an object among them is not what it should be.
   */
  async receive(offered: DeviceHeads, mayMove: (device: EndpointId) => boolean = () => true): Promise<ReceiveResult> {
    return this.#writing.run(async () => {
      const wanted = this.wanted(offered)
      const moved = new Map<EndpointId, Oid>()
      const refused: RefusedHead[] = []
      if (!wanted.size) return { result: 'received', moved, refused }
      const found = await checkConnectivity(this.objects, this.graph, wanted.values())
      if (!isConnected(found)) return { result: 'incomplete', missing: found }
      for (const { oid, commit } of found.fresh) this.#addToGraph(oid, commit)
      for (const [device, oid] of wanted) {
        if (!mayMove(device)) continue // S1: asked at the very move
        const kept = await this.#moveHead(device, oid)
        if (kept === null) moved.set(device, oid)
        else if (!this.graph.isAncestor(oid, kept)) refused.push({ device, offered: oid, kept })
      }
      await this.#dropRescued()
      if (moved.size) this.#changed.emit()
      return { result: 'received', moved, refused }
    })
  }

  /** Null when moved, else the value that was kept (V2). */
  async #moveHead(device: EndpointId, to: Oid): Promise<Oid | null> {
    const from = this.#heads.get(device) ?? null
    if (from && !this.graph.isAncestor(from, to)) {
      if (device !== this.self) return from
      await this.#rescue(to) // V8: both our heads count from now on
      return null
    }
    if (!(await this.refs.compareAndSwap(`${DEVICES}${device}`, from, to))) {
      throw new StoreError('damaged', 'a ref was moved by another program; start Tandem again', {
        ref: `${DEVICES}${device}`,
      })
    }
    this.#heads.set(device, to)
    return null
  }

  async #rescue(oid: Oid): Promise<void> {
    await this.refs.compareAndSwap(`${RESCUED}${oid}`, null, oid)
    this.#rescued.add(oid)
  }

  /** V8: makes one head of our several ones, whose tree is the view's. Null when there is one. */
  async join(identity: Identity): Promise<Oid | null> {
    if (!this.#rescued.size) return null
    const view = (await this.view())!
    return this.commit(view.tree, [view.commit], identity, 'Join the histories of this device\n', [])
  }

  async #dropRescued(): Promise<void> {
    const own = this.ownHead()
    for (const oid of this.#rescued) {
      if (!own || !this.graph.isAncestor(oid, own)) continue
      await this.refs.compareAndSwap(`${RESCUED}${oid}`, oid, null)
      this.#rescued.delete(oid)
    }
  }

  /** As the store's, and remembers what it could not read, so that it is fetched or written again. */
  async read(oid: Oid): Promise<GitObject> {
    try {
      return await this.objects.read(oid)
    } catch (error) {
      this.noteLoss(error, oid)
      throw error
    }
  }

  /** Whether reading `oid` failed for what the store holds; then it, and the object that the error names, are among the `lost`. */
  noteLoss(error: unknown, oid?: Oid): boolean {
    const lost =
      error instanceof MissingObjectError || (error instanceof CorruptObjectError && error.code !== 'too-large')
    if (!lost) return false
    const named = error instanceof MissingObjectError ? error.oid : error.data.oid
    if (oid) this.#lost.add(oid)
    if (typeof named === 'string' && isOid(named)) this.#lost.add(named)
    return true
  }

  #missing(oid: Oid): MissingObjectError {
    this.#lost.add(oid)
    return new MissingObjectError(oid)
  }

  /** Objects that were found damaged or gone and that the store still lacks: to be written anew from the disk, or fetched from a peer. */
  async lost(): Promise<readonly Oid[]> {
    if (!this.#lost.size) return []
    const lost = await this.objects.missing(this.#lost)
    for (const oid of this.#lost) if (!lost.includes(oid)) this.#lost.delete(oid)
    return lost
  }

  /** Some of what was lost is here again: whoever waited for it may go on. */
  found(): void {
    this.#changed.emit()
  }

  /** @throws CorruptObjectError `bad-object` when the oid is not a commit. */
  async readCommit(oid: Oid): Promise<Commit> {
    const commit = await readCommit(this.objects, oid)
    if (!commit) throw new MissingObjectError(oid)
    return commit
  }

  async readBlob(oid: Oid): Promise<Uint8Array> {
    const object = await this.read(oid)
    if (object.type !== 'blob') throw new CorruptObjectError('bad-object', `${oid} is a ${object.type}, not a file`)
    return object.content
  }

  async readTree(oid: Oid): Promise<Uint8Array | null> {
    try {
      return (await this.objects.read(oid)).content
    } catch (error) {
      if (error instanceof MissingObjectError && error.oid === oid) return null
      this.noteLoss(error, oid)
      throw error
    }
  }
}
