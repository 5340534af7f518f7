import fs from 'node:fs'
import path from 'node:path'
import { isOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { StoreError } from '../../ports/errors.ts'
import { isRefName } from '../../ports/ref-store.ts'
import type { RefName } from '../../ports/ref-store.ts'
import { fsyncFolder, writeFully } from './durable-files.ts'
import { errnoOf } from './fs-failure.ts'
import { lockFile } from './lock-file.ts'

/**
 * Git's `packed-refs`: one `<oid> <name>` per line, after a tag's line the tag's target as `^<oid>`, lines with `#` are a header.
 * A loose ref of the same name counts instead. Read again whenever the file is another one.
 */
export class PackedRefs {
  readonly #file: string
  #stamp = ''
  #refs: ReadonlyMap<RefName, Oid> = new Map()

  constructor(gitDir: string) {
    this.#file = path.join(gitDir, 'packed-refs')
  }

  /** @throws StoreError `damaged` when a line is not what git writes. */
  read(): ReadonlyMap<RefName, Oid> {
    const stat = fs.statSync(this.#file, { throwIfNoEntry: false, bigint: true })
    const stamp = stat ? `${stat.ino} ${stat.size} ${stat.mtimeNs}` : ''
    if (stamp === this.#stamp) return this.#refs
    this.#refs = stat ? decodePackedRefs(this.#readText()) : new Map()
    this.#stamp = stamp
    return this.#refs
  }

  /** Takes a name out, under git's own lock. Other lines stay as they are. */
  async remove(name: RefName): Promise<void> {
    if (!this.read().has(name)) return
    const lock = await lockFile(this.#file)
    try {
      writeFully(lock.fd, Buffer.from(withoutRef(this.#readText(), name)))
      lock.replaceTarget()
    } catch (error) {
      lock.release()
      throw error
    }
    fsyncFolder(path.dirname(this.#file))
  }

  #readText(): string {
    try {
      return fs.readFileSync(this.#file, 'utf8')
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return ''
      throw error
    }
  }
}

function decodePackedRefs(text: string): Map<RefName, Oid> {
  const refs = new Map<RefName, Oid>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#') || line.startsWith('^')) continue
    const [oid = '', name = ''] = [line.slice(0, 40), line.slice(41)]
    if (!isOid(oid) || line[40] !== ' ' || name === '') {
      throw new StoreError('damaged', 'packed-refs holds a line that git does not write', { line: line.slice(0, 200) })
    }
    if (isRefName(name)) refs.set(name, oid)
  }
  return refs
}

function withoutRef(text: string, name: RefName): string {
  let skipping = false
  const kept = text.split('\n').filter((line) => {
    skipping = line.slice(41) === name || (skipping && line.startsWith('^'))
    return !skipping
  })
  return kept.join('\n')
}
