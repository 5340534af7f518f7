import fs from 'node:fs'
import path from 'node:path'
import type { Oid } from '../../objects/oid.ts'
import { PackIndex } from '../../objects/pack-index.ts'
import { errnoOf } from './fs-failure.ts'
import { nodeCodec } from './node-codec.ts'
import { OpenFiles } from './open-files.ts'
import { PackFile } from './pack-file.ts'

/** A folder's modification time is trusted only this long after it: some file systems count in steps of 2 s. */
const FOLDER_TIME_STEP_MS = 2000
const INDEX_NAME = /^(pack-[0-9a-f]{40})\.idx$/

/** The packs in `objects/pack`, as they are now: the user's git may add and remove some at any time. */
export class PackFiles {
  readonly folder: string
  readonly #open = new OpenFiles()
  #packs = new Map<string, PackFile>()
  /** The pack that had the last object asked for: the next one is often beside it. */
  #last: PackFile | undefined
  #scanned = { folderTime: -1, at: 0 }
  /** Objects whose copy in a pack, by its name, was found damaged. Found again after a restart. */
  readonly #damaged = new Map<Oid, Set<string>>()

  constructor(folder: string) {
    this.folder = folder
  }

  get all(): readonly PackFile[] {
    return [...this.#packs.values()]
  }

  /** Every pack that holds a copy of the object that was not found damaged. */
  *holding(oid: Oid): Generator<{ readonly pack: PackFile; readonly offset: number }> {
    const last = this.#last
    const offset = last?.index.find(oid)
    const damaged = this.#damaged.get(oid)
    if (last && offset !== undefined && !damaged?.has(last.name)) yield { pack: last, offset }
    for (const pack of this.#packs.values()) {
      if (pack === last || damaged?.has(pack.name)) continue
      const offset = pack.index.find(oid)
      if (offset === undefined) continue
      this.#last = pack
      yield { pack, offset }
    }
  }

  /** The pack's copy of the object is of no use. The pack stays as it is: others of its objects are sound. */
  passOver(pack: PackFile, oid: Oid): void {
    const names = this.#damaged.get(oid)
    if (names) names.add(pack.name)
    else this.#damaged.set(oid, new Set([pack.name]))
  }

  has(oid: Oid): boolean {
    for (const _ of this.holding(oid)) return true
    return false
  }

  /** Looks at the folder again if it may have changed. True when there are other packs than before. */
  rescan(): boolean {
    const time = fs.statSync(this.folder, { throwIfNoEntry: false })?.mtimeMs ?? 0
    if (time === this.#scanned.folderTime && this.#scanned.at - time > FOLDER_TIME_STEP_MS) return false
    this.#scanned = { folderTime: time, at: Date.now() }
    const names = this.#indexNames()
    let changed = false
    for (const name of this.#packs.keys()) {
      if (names.has(name)) continue
      this.forget(name)
      changed = true
    }
    for (const name of names) if (!this.#packs.has(name) && this.#load(name)) changed = true
    return changed
  }

  /** Takes in a pack that was just put into the folder. */
  add(name: string): PackFile | undefined {
    this.#load(name)
    return this.#packs.get(name)
  }

  /** Stops using a pack; its file stays. */
  forget(name: string): void {
    const pack = this.#packs.get(name)
    if (!pack) return
    this.#packs.delete(name)
    this.#open.close(pack.file)
    if (this.#last === pack) this.#last = undefined
  }

  close(): void {
    this.#open.closeAll()
    this.#packs.clear()
    this.#last = undefined
  }

  #indexNames(): Set<string> {
    let names: string[] = []
    try {
      names = fs.readdirSync(this.folder)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
    return new Set(names.flatMap((name) => INDEX_NAME.exec(name)?.[1] ?? []))
  }

  #load(name: string): boolean {
    if (this.#packs.has(name)) return false
    const file = path.join(this.folder, `${name}.pack`)
    let bytes: Buffer
    let size: number
    try {
      bytes = fs.readFileSync(path.join(this.folder, `${name}.idx`))
      size = fs.statSync(file).size
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw error
    }
    try {
      this.#packs.set(name, new PackFile(name, file, size, PackIndex.decode(nodeCodec, bytes), this.#open))
      return true
    } catch {
      // Its objects count as missing and are fetched again; the next open of the store indexes the pack anew.
      return false
    }
  }
}
