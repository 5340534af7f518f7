import { caseKey, vaultPathProblem, type VaultPath } from '../objects/vault-path.ts'
import { Emitter } from '../peers/emitter.ts'
import type { Clock } from '../ports/clock.ts'
import { ShareError } from '../ports/errors.ts'
import type { Random } from '../ports/random.ts'
import { VAULT_SHARE, type Grant, type ShareRecord, type ShareStore } from '../ports/share-record.ts'
import type { EndpointId } from '../ports/transport.ts'
import { cleanName, type ShareName } from '../protocol/messages.ts'
import type { ShareOffer } from '../protocol/subscription-state.ts'
import { Mutex } from './mutex.ts'

export interface ShareDeskOptions {
  readonly store: ShareStore
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
}

/** Folder shares of one device; each has a repository of its own. */
const MAX_SHARES = 100

/** The folders of the vault that are shares of their own (V1), as they are stored: made here, or received. */
export class ShareDesk {
  readonly #o: ShareDeskOptions
  readonly #records = new Map<ShareName, ShareRecord>()
  readonly #changed = new Emitter<ShareRecord>()
  readonly #saving = new Mutex()

  private constructor(options: ShareDeskOptions) {
    this.#o = options
  }

  static async load(options: ShareDeskOptions): Promise<ShareDesk> {
    const desk = new ShareDesk(options)
    for (const record of await options.store.loadShares()) {
      // Of two whose folders overlap, as after an edit by hand, the first counts.
      if (vaultPathProblem(record.folder) === null && desk.#conflict(record.folder) === undefined)
        desk.#records.set(record.id, record)
    }
    return desk
  }

  records(): readonly ShareRecord[] {
    return [...this.#records.values()]
  }

  get(id: ShareName): ShareRecord | undefined {
    return this.#records.get(id)
  }

  /** Called after a share was added. */
  onAdded(listener: (record: ShareRecord) => void): () => void {
    return this.#changed.on(listener)
  }

  /**
   * The share whose id begins like this, or that has this folder or title; `vault` is the whole vault.
   * @throws ShareError `unknown`, `ambiguous`
   */
  find(name: string): ShareName {
    if (name === VAULT_SHARE) return VAULT_SHARE
    const records = this.records()
    const exact = records.filter(({ id, folder }) => id === name || folder === trimmed(name))
    const found = exact.length ? exact : records.filter(({ id, title }) => title === name || isBeginning(name, id))
    if (found.length === 1) return found[0]!.id
    throw found.length
      ? new ShareError('ambiguous', `${found.length} shares are called ${name}; give the folder`, { name })
      : new ShareError('unknown', `no share is called ${name}`, { name })
  }

  /** Makes a share of a folder; the one that is there when it is a share already. @throws ShareError */
  create(folder: string, title?: string): Promise<ShareRecord> {
    return this.#saving.run(async () => {
      const path = this.place(folder, { allowShared: true })
      const there = this.records().find((record) => record.folder === path)
      if (there) return there
      return this.#add({
        id: hex(this.#o.random.bytes(16)),
        folder: path,
        title: cleanName(title ?? lastName(path)),
        createdAt: this.#o.clock.now(),
        from: null,
        access: null,
      })
    })
  }

  /** Gives a share of a peer its place here. @throws ShareError */
  accept(id: ShareName, from: EndpointId, folder: string, offer: ShareOffer): Promise<ShareRecord> {
    return this.#saving.run(async () => {
      const there = this.#records.get(id)
      if (there) throw new ShareError('there-already', `this share is here already, as ${there.folder}`, { folder })
      const access: Grant = offer.write ? 'write' : 'read'
      const [title, createdAt] = [cleanName(offer.title), this.#o.clock.now()]
      return this.#add({ id, folder: this.place(folder), title, createdAt, from, access })
    })
  }

  /** What the device that shares it lets us do from now on; of others it is not believed. */
  noteAccess(id: ShareName, from: EndpointId, access: Grant | null): Promise<void> {
    return this.#saving.run(async () => {
      const record = this.#records.get(id)
      if (!record || record.from !== from || record.access === access) return
      this.#records.set(id, { ...record, access })
      await this.#o.store.saveShares(this.records())
    })
  }

  /** Forgets a share; its folder is an ordinary one again. */
  remove(id: ShareName): Promise<void> {
    return this.#saving.run(async () => {
      if (!this.#records.has(id)) return
      await this.#o.store.saveShares(this.records().filter((record) => record.id !== id))
      this.#records.delete(id)
    })
  }

  /**
   * The folder as a vault path, when a share can be there: inside the vault, visible, and apart from every other share's.
   * @throws ShareError `bad-folder`, `overlaps`
   */
  place(folder: string, { allowShared = false } = {}): VaultPath {
    const path = trimmed(folder)
    const problem = vaultPathProblem(path)
    if (problem !== null)
      throw new ShareError('bad-folder', `“${folder}” is no folder of a vault: ${problem}`, { folder })
    if (path.split('/').some((name) => name.startsWith('.')))
      throw new ShareError('bad-folder', `“${folder}” is hidden, and hidden folders are not shared`, { folder })
    const other = this.#conflict(path)
    if (other !== undefined && !(allowShared && other === path))
      throw new ShareError('overlaps', `“${folder}” overlaps with “${other}”, which is a share of its own`, { folder })
    return path as VaultPath
  }

  /** The folder of a share that this one would lie in, or hold. Compared like a disk that folds case does. */
  #conflict(folder: string): string | undefined {
    const key = `${caseKey(folder)}/`
    return this.records().find((record) => {
      const other = `${caseKey(record.folder)}/`
      return key.startsWith(other) || other.startsWith(key)
    })?.folder
  }

  async #add(record: ShareRecord): Promise<ShareRecord> {
    if (this.#records.size >= MAX_SHARES)
      throw new ShareError('too-many', `a device has at most ${MAX_SHARES} shared folders`, { limit: MAX_SHARES })
    await this.#o.store.saveShares([...this.records(), record])
    this.#records.set(record.id, record)
    this.#changed.emit(record)
    return record
  }
}

function trimmed(folder: string): string {
  return folder
    .normalize('NFC')
    .replace(/^(?:\.\/)+/, '')
    .replace(/\/+$/, '')
}

function lastName(folder: string): string {
  return folder.slice(folder.lastIndexOf('/') + 1)
}

function isBeginning(name: string, id: string): boolean {
  return name.length >= 4 && id.startsWith(name)
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
