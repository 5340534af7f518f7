import { CommitGraph } from '../history/commit-graph.ts'
import { runReading, type ReadRequest, type Reading } from '../history/reading.ts'
import { viewOf, type View } from '../history/view.ts'
import type { Codec } from '../objects/codec.ts'
import { encodeCommit, type Commit, type Identity } from '../objects/commit.ts'
import { CorruptObjectError, MissingObjectError } from '../objects/errors.ts'
import type { GitObject, ObjectType, Oid } from '../objects/oid.ts'
import { StoreError } from '../ports/errors.ts'
import type { Breathe } from '../ports/clock.ts'
import { LARGE_BLOB, type ObjectStore } from '../ports/object-store.ts'
import type { RefStore } from '../ports/ref-store.ts'
import type { EndpointId } from '../ports/transport.ts'
import type { DeviceHeads } from '../protocol/messages.ts'
import { checkConnectivity, isConnected, readCommit, type Connectivity } from './connectivity.ts'
import { Emitter } from '../peers/emitter.ts'
import { DeviceRefs } from './device-refs.ts'
import { loadHistory, nodeOf } from './load-history.ts'
import { LostObjects } from './lost-objects.ts'
import { Mutex } from './mutex.ts'

/** Objects that a reading asked for and that are read side by side: waiting overlaps, and the work of so many fits into a breath. */
const READ_TOGETHER = 16

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
  readonly #lost: LostObjects
  #view: { key: string; view: View | null } | null = null

  private constructor(
    readonly objects: ObjectStore,
    readonly refs: RefStore,
    readonly codec: Codec,
    readonly self: EndpointId,
    readonly breathe: Breathe,
    private readonly devices: DeviceRefs,
  ) {
    this.#lost = new LostObjects(objects)
  }

  /** Also one whose history was damaged: see `mend`. */
  static async open(
    objects: ObjectStore,
    refs: RefStore,
    codec: Codec,
    self: EndpointId,
    breathe: Breathe = () => undefined,
  ): Promise<Repository> {
    const repository = new Repository(objects, refs, codec, self, breathe, await DeviceRefs.load(refs, self))
    await repository.#takeUp()
    return repository
  }

  /** Makes heads of the refs whose histories are whole by now. False when there is none. */
  async #takeUp(): Promise<boolean> {
    const tips = this.devices.waiting.values()
    await loadHistory(this.objects, this.graph, tips, (oid, error) => this.#isLoss(oid, error))
    return this.devices.countIn(this.graph)
  }

  #isLoss(oid: Oid, error: unknown): boolean {
    if (error !== null) return this.#lost.note(error, oid)
    this.#lost.add(oid)
    return true
  }

  /**
   * Heads whose histories have a hole, because a failing disk damaged a commit, count again when it is back from a peer. Until then
   * this share has no view: one of the other heads alone would undo what those said.
   * @throws StoreError `damaged` when something is missing still
   */
  async mend(): Promise<void> {
    if (!this.devices.waiting.size) return
    if (await this.#writing.run(() => this.#takeUp())) this.#changed.emit()
    this.#checkWhole()
  }

  #checkWhole(): void {
    if (!this.devices.waiting.size) return
    const refs = [...this.devices.waiting.keys()]
    throw new StoreError(
      'damaged',
      'a part of the history on this device is damaged; it comes again as soon as a device that has it is connected, and nothing is changed until then',
      { refs },
    )
  }

  /**
   * Makes sure that a commit which no ref reaches is in the graph: a view that the vault shows is named by the index alone.
   * False when the store does not hold it, or not all of its history.
   */
  async recall(oid: Oid): Promise<boolean> {
    if (!this.graph.has(oid) && (await this.objects.has(oid)))
      await loadHistory(this.objects, this.graph, [oid], (lost, error) => this.#isLoss(lost, error))
    return this.graph.has(oid)
  }

  /**
   * V8: a commit of the graph that the vault shows, and that no head continues, becomes a head of ours again. Damage can take the own
   * ref back below it, and it be whole again later: a view without it would take its files away (V6).
   */
  async keep(shown: Oid): Promise<void> {
    await this.#writing.run(async () => {
      const tips = this.devices.tips()
      const isKept = (oid: Oid): boolean => tips.some((tip) => this.graph.isAncestor(oid, tip))
      const { parents } = this.graph.get(shown)!
      if (isKept(shown) || (parents.length > 1 && parents.every(isKept))) return // the latter: a view of heads (V3)
      await this.devices.rescue(shown)
      this.#changed.emit()
    })
  }

  #addToGraph(oid: Oid, commit: Commit): void {
    this.graph.add(oid, nodeOf(commit))
  }

  /** Called after each change of heads. */
  onChange(listener: () => void): () => void {
    return this.#changed.on(listener)
  }

  heads(): DeviceHeads {
    return this.devices.heads
  }

  ownHead(): Oid | null {
    return this.devices.own
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

  /**
   * The view of all heads (V3), stored, and named by `refs/heads/main`. Null while no device has committed anything.
   * @throws StoreError `damaged`, see `mend`
   */
  async view(): Promise<View | null> {
    return this.#writing.run(() => this.#viewNow())
  }

  async #viewNow(): Promise<View | null> {
    this.#checkWhole()
    const tips = this.graph.maximal(this.devices.tips())
    const key = tips.join()
    if (this.#view?.key === key) return this.#view.view
    const view = await this.run(viewOf(this.codec, this.graph, tips))
    if (view) {
      if (view.objects.length) await this.storeObjects(view.objects)
      if (!this.graph.has(view.commit)) this.#addToGraph(view.commit, (await readCommit(this.objects, view.commit))!)
      await this.devices.nameView(view.commit)
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
        await this.devices.rescue(oid) // V2: the own ref moves forward only; `join` brings the two together
        this.#changed.emit()
        return oid
      }
      this.#addToGraph(oid, commit) // first: nobody may meet a head that the graph does not know
      await this.devices.move(this.self, oid)
      await this.devices.dropRescued(this.graph)
      this.#changed.emit()
      return oid
    })
  }

  /** Heads among `offered` that we lack and might take. */
  wanted(offered: DeviceHeads): DeviceHeads {
    return new Map(
      [...offered].filter(([device, oid]) => this.heads().get(device) !== oid && !this.#isOld(device, oid)),
    )
  }

  #isOld(device: EndpointId, oid: Oid): boolean {
    const current = this.heads().get(device)
    if (!this.graph.has(oid)) return false
    if (device === this.self && this.devices.rescued.has(oid)) return true
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
      // First what is ours: heads above the hole may be whole by now, and would be given up below.
      const mended = this.devices.waiting.size > 0 && (await this.#takeUp())
      for (const [device, oid] of wanted) {
        if (!mayMove(device)) continue // S1: asked at the very move
        if (mended && this.#isOld(device, oid)) continue
        if (this.devices.isWaiting(device)) {
          // What is there cannot be read: nobody knows which way is forward (V2).
          if (device === this.self && (await this.devices.takeBack(oid))) moved.set(device, oid)
          continue
        }
        const kept = await this.#moveHead(device, oid)
        if (kept === null) moved.set(device, oid)
        else if (!this.graph.isAncestor(oid, kept)) refused.push({ device, offered: oid, kept })
      }
      await this.devices.dropRescued(this.graph)
      if (moved.size || mended) this.#changed.emit()
      return { result: 'received', moved, refused }
    })
  }

  /** Null when moved, else the value that was kept (V2). */
  async #moveHead(device: EndpointId, to: Oid): Promise<Oid | null> {
    const from = this.heads().get(device) ?? null
    if (from && !this.graph.isAncestor(from, to)) {
      if (device !== this.self) return from
      await this.devices.rescue(to) // V8: both our heads count from now on
      return null
    }
    await this.devices.move(device, to)
    return null
  }

  /** V8: makes one head of our several ones, whose tree is the view's. Null when there is one. */
  async join(identity: Identity): Promise<Oid | null> {
    if (!this.devices.rescued.size) return null
    const view = (await this.view())!
    return this.commit(view.tree, [view.commit], identity, 'Join the histories of this device\n', [])
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
    return this.#lost.note(error, oid)
  }

  #missing(oid: Oid): MissingObjectError {
    this.#lost.add(oid)
    return new MissingObjectError(oid)
  }

  /** Objects that were found damaged or gone and that the store still lacks: to be written anew from the disk, or fetched from a peer. */
  lost(): Promise<readonly Oid[]> {
    return this.#lost.list()
  }

  /** Some of what was lost is here again: whoever waited for it may go on. */
  found(): void {
    this.#changed.emit()
  }

  /** @throws CorruptObjectError `bad-object` when the oid is not a commit. */
  async readCommit(oid: Oid): Promise<Commit> {
    try {
      const commit = await readCommit(this.objects, oid)
      if (commit) return commit
    } catch (error) {
      this.noteLoss(error, oid)
      throw error
    }
    throw this.#missing(oid)
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
