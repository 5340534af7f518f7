import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { IndexChanges, IndexState, IndexStore } from '../../ports/index-store.ts'
import { applyIndexChanges, createMemoryIndexDisk } from '../memory/memory-index-store.ts'
import type { MemoryIndexDisk } from '../memory/memory-index-store.ts'
import { Mutex } from '../memory/mutex.ts'
import { fsyncFolder, makeFolder, replaceFile, writeFully } from './durable-files.ts'
import { errnoOf, fsFailure } from './fs-failure.ts'
import { decodeJournal, encodeJournal, encodeJournalLine } from './index-journal.ts'
import { removeStaleTemporaries, temporaryName } from './temporary-files.ts'

const fdatasync = promisify(fs.fdatasync)

/** Rows written since the last rewrite, beyond twice those alive, that make a rewrite worth its while. */
const COMPACT_SLACK_ROWS = 1000

export interface NodeIndexStoreOptions {
  /** The journal was damaged and now lies at `movedTo`; the index begins empty. */
  readonly onDamaged?: (movedTo: string) => void
  /** Milliseconds since 1970, for the name of a damaged journal. */
  readonly now?: () => number
}

interface Journal {
  readonly state: MemoryIndexDisk
  readonly fd: number
  /** Bytes of whole lines; the next line goes here, over whatever a failed write left. */
  length: number
  /** Rows put and removed since the journal was written anew. */
  rows: number
}

/**
 * The stat index of a share as an append-only journal, `index.jsonl` in a folder of this device's state. One line per save,
 * synced before the save resolves; a line cut short by a crash is dropped, so that a save is there whole or not at all.
 *
 * The index is a cache of stats. A damaged one is set aside as `index.damaged-<time>` and an empty one takes its place:
 * an empty index says "nothing is known about any path" and must never be read as "everything was deleted" (E2).
 * One process uses a folder at a time.
 */
export class NodeIndexStore implements IndexStore {
  readonly #folder: string
  readonly #file: string
  readonly #options: NodeIndexStoreOptions
  readonly #turns = new Mutex()
  #journal: Journal | undefined

  constructor(folder: string, options: NodeIndexStoreOptions = {}) {
    this.#folder = folder
    this.#file = path.join(folder, 'index.jsonl')
    this.#options = options
  }

  async load(): Promise<IndexState> {
    return this.#turns.run(() => {
      try {
        const { state } = (this.#journal ??= this.#open())
        return { ...state, entries: new Map(state.entries) }
      } catch (error) {
        throw fsFailure(error, 'read', this.#file)
      }
    })
  }

  async save(changes: IndexChanges): Promise<void> {
    const put = [...(changes.put ?? [])]
    const remove = [...(changes.remove ?? [])]
    const line = {
      put,
      remove,
      ...(changes.base === undefined ? {} : { base: changes.base }),
      ...(changes.unfinished ? { unfinished: [...changes.unfinished] } : {}),
    }
    await this.#turns.run(async () => {
      try {
        const journal = (this.#journal ??= this.#open())
        const bytes = encodeJournalLine(line)
        writeFully(journal.fd, bytes, journal.length)
        await fdatasync(journal.fd)
        journal.length += bytes.length
        journal.rows += put.length + remove.length
        applyIndexChanges(journal.state, line)
        if (journal.rows > 2 * journal.state.entries.size + COMPACT_SLACK_ROWS) this.#compact(journal)
      } catch (error) {
        this.#undo()
        throw fsFailure(error, 'write', this.#file)
      }
    })
  }

  /** Closes the file. The store opens it again when used. */
  async close(): Promise<void> {
    await this.#turns.run(() => this.#forget())
  }

  #open(): Journal {
    makeFolder(this.#folder)
    removeStaleTemporaries(this.#folder)
    let bytes: Buffer | undefined
    try {
      bytes = fs.readFileSync(this.#file)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
    const decoded = bytes && decodeJournal(bytes)
    if (bytes && !decoded) this.#setAside()
    const state = createMemoryIndexDisk()
    let rows = 0
    for (const line of decoded?.lines ?? []) {
      applyIndexChanges(state, line)
      rows += (line.put?.length ?? 0) + (line.remove?.length ?? 0)
    }
    if (!decoded) replaceFile(this.#file, path.join(this.#folder, temporaryName('file')), encodeJournal(state))
    const fd = fs.openSync(this.#file, 'r+')
    const length = decoded?.length ?? fs.fstatSync(fd).size
    // Cut now: bytes of a torn line behind a shorter new one would read as damage.
    if (bytes && decoded && length < bytes.length) fs.ftruncateSync(fd, length)
    return { state, fd, length, rows }
  }

  #setAside(): void {
    const movedTo = path.join(this.#folder, `index.damaged-${(this.#options.now ?? Date.now)()}`)
    fs.renameSync(this.#file, movedTo)
    fsyncFolder(this.#folder)
    this.#options.onDamaged?.(movedTo)
  }

  #compact(journal: Journal): void {
    try {
      replaceFile(this.#file, path.join(this.#folder, temporaryName('file')), encodeJournal(journal.state))
    } catch {
      // The journal is whole, only longer than it need be: the next save tries again.
      return
    }
    this.#forget()
  }

  /** After a failed write: the file ends again where it did, and is read anew before it is written to. */
  #undo(): void {
    if (!this.#journal) return
    try {
      fs.ftruncateSync(this.#journal.fd, this.#journal.length)
    } catch {
      // A torn last line is cut at the next open.
    }
    this.#forget()
  }

  #forget(): void {
    const journal = this.#journal
    this.#journal = undefined
    if (journal) fs.closeSync(journal.fd)
  }
}
