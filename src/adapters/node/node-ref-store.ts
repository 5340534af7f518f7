import fs from 'node:fs'
import path from 'node:path'
import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { StoreError } from '../../ports/errors.ts'
import { isRefName } from '../../ports/ref-store.ts'
import type { RefName, Refs, RefStore } from '../../ports/ref-store.ts'
import { checkRefFits } from '../memory/memory-ref-store.ts'
import { Mutex } from '../memory/mutex.ts'
import { fsyncFolder, makeFolder, writeFully } from './durable-files.ts'
import { errnoOf, fsFailure, named } from './fs-failure.ts'
import { lockFile } from './lock-file.ts'
import { PackedRefs } from './packed-refs.ts'

/**
 * The refs of a bare repository, beside any git that works on it at the same time: loose files over `packed-refs`, changed
 * under git's own `<ref>.lock`. Symbolic refs below `refs/` (which we never make) are not listed and not moved.
 */
export class NodeRefStore implements RefStore {
  readonly #gitDir: string
  readonly #packed: PackedRefs
  readonly #turns = new Mutex()

  constructor(gitDir: string) {
    this.#gitDir = gitDir
    this.#packed = new PackedRefs(gitDir)
  }

  async list(): Promise<Refs> {
    return named('read', this.#gitDir, () => this.#list())
  }

  async read(name: RefName): Promise<Oid | null> {
    if (!isRefName(name)) return null
    return named('read', this.#fileOf(name), () => this.#read(name))
  }

  async compareAndSwap(name: RefName, from: Oid | null, to: Oid | null): Promise<boolean> {
    return this.#turns.run(async () => {
      try {
        checkRefFits(name, this.#list())
        return await this.#swapLocked(name, from, to)
      } catch (error) {
        throw fsFailure(error, 'write', this.#fileOf(name))
      }
    })
  }

  async #swapLocked(name: RefName, from: Oid | null, to: Oid | null): Promise<boolean> {
    const file = this.#fileOf(name)
    const lock = await this.#lock(file)
    try {
      if (this.#readLoose(name) === 'symbolic')
        throw new StoreError('bad-ref', `${name} is a symbolic ref`, { ref: name })
      if (this.#read(name) !== from) return false
      if (from === to) return true
      if (to === null) {
        // Packed first: the other way round, the packed value would be back for a moment, or for good after a power cut.
        await this.#packed.remove(name)
        fs.rmSync(file, { force: true })
      } else {
        writeFully(lock.fd, Buffer.from(`${to}\n`))
        removeEmptyFolders(file)
        lock.replaceTarget()
      }
      fsyncFolder(path.dirname(file))
      return true
    } finally {
      lock.release()
    }
  }

  async #lock(file: string) {
    for (let tries = 0; ; tries++) {
      makeFolder(path.dirname(file))
      try {
        return await lockFile(file)
      } catch (error) {
        // Git removes folders that became empty, also the one that we just made.
        if (errnoOf(error) !== 'ENOENT' || tries === 10) throw error
      }
    }
  }

  #list(): Map<RefName, Oid> {
    const loose = new Map<RefName, Oid>()
    this.#readFolder('refs', loose)
    // Packed last: `git pack-refs` writes the packed ref before it removes the loose one, so one of the two is seen.
    const refs = new Map(this.#packed.read())
    for (const [name, oid] of loose) refs.set(name, oid)
    return refs
  }

  #readFolder(folder: string, into: Map<RefName, Oid>): void {
    let entries: fs.Dirent[]
    try {
      entries = fs.readdirSync(path.join(this.#gitDir, folder), { withFileTypes: true })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return
      throw error
    }
    for (const entry of entries) {
      const name = `${folder}/${entry.name}`
      if (entry.isDirectory()) this.#readFolder(name, into)
      else if (isRefName(name)) {
        const loose = this.#readLoose(name)
        if (loose !== null && loose !== 'symbolic') into.set(name, loose)
      }
    }
  }

  #read(name: RefName): Oid | null {
    const loose = this.#readLoose(name)
    if (loose === 'symbolic') return null
    return loose ?? this.#packed.read().get(name) ?? null
  }

  #readLoose(name: RefName): Oid | 'symbolic' | null {
    let text: string
    try {
      text = fs.readFileSync(this.#fileOf(name), 'latin1')
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ENOENT' || errno === 'EISDIR' || errno === 'ENOTDIR') return null
      throw error
    }
    const oid = text.slice(0, 40)
    if (isOid(oid) && /^\s/.test(text.slice(40))) return oid
    if (text.startsWith('ref:')) return 'symbolic'
    throw new StoreError('damaged', `${name} does not hold an object id`, { ref: name })
  }

  #fileOf(name: RefName): string {
    return path.join(this.#gitDir, ...name.split('/'))
  }
}

/** Folders that held refs once are in the way of a ref of their name. Throws when one is not empty. */
function removeEmptyFolders(folder: string): void {
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (!stat?.isDirectory()) return
  for (const name of fs.readdirSync(folder)) removeEmptyFolders(path.join(folder, name))
  fs.rmdirSync(folder)
}
