import fs from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { parseOid } from '../../objects/oid.ts'
import type { Oid } from '../../objects/oid.ts'
import { encodePackHeader } from '../../objects/pack.ts'
import { encodePackIndex } from '../../objects/pack-index.ts'
import type { PackIndexEntry } from '../../objects/pack-index.ts'
import { fsyncFolder, removeQuietly, writeFully } from './durable-files.ts'
import { fileChunks } from './file-chunks.ts'
import { nodeCodec } from './node-codec.ts'
import { temporaryName } from './temporary-files.ts'

const fsync = promisify(fs.fsync)
const READ_ONLY = 0o444
/** Entries are gathered up to this many bytes per write. */
const BUFFER = 256 * 1024

/**
 * Writes a pack to a temporary file, entry by entry, in bounded memory. The number of objects and the pack's own SHA-1 are
 * put in at the end, when they are known. Git sees a pack by its index alone: that is named last.
 */
export class PackWriter {
  readonly #folder: string
  readonly #temporary: string
  readonly #fd: number
  readonly #entries: PackIndexEntry[]
  readonly #oids: Set<Oid>
  readonly #buffer = new Uint8Array(BUFFER)
  #buffered = 0
  #written: number
  #open = true

  private constructor(
    folder: string,
    temporary: string,
    fd: number,
    written: number,
    entries: readonly PackIndexEntry[],
  ) {
    this.#folder = folder
    this.#temporary = temporary
    this.#fd = fd
    this.#written = written
    this.#entries = [...entries]
    this.#oids = new Set(entries.map((entry) => entry.oid))
  }

  static create(folder: string): PackWriter {
    const temporary = path.join(folder, temporaryName('pack'))
    const writer = new PackWriter(folder, temporary, fs.openSync(temporary, 'wx+', READ_ONLY), 0, [])
    writer.#write(encodePackHeader(0))
    return writer
  }

  /** Goes on with a pack that lies in a temporary file already, as long as `length` without its trailer. Takes over file and descriptor. */
  static resume(
    folder: string,
    temporary: string,
    fd: number,
    length: number,
    entries: readonly PackIndexEntry[],
  ): PackWriter {
    return new PackWriter(folder, temporary, fd, length, entries)
  }

  get count(): number {
    return this.#entries.length
  }

  has(oid: Oid): boolean {
    return this.#oids.has(oid)
  }

  /** Appends one entry, as `encodePackEntry` makes it. */
  add(oid: Oid, parts: readonly Uint8Array[]): void {
    const offset = this.#written + this.#buffered
    let crc32 = 0
    for (const part of parts) {
      crc32 = nodeCodec.crc32(part, crc32)
      this.#write(part)
    }
    this.#entries.push({ oid, offset, crc32 })
    this.#oids.add(oid)
  }

  /** Makes pack and index durable and gives them their names. Resolves to the name, without an ending. */
  async finish(): Promise<string> {
    try {
      this.#flush()
      writeFully(this.#fd, encodePackHeader(this.#entries.length), 0)
      const hash = nodeCodec.sha1()
      for await (const chunk of fileChunks(this.#fd, 0, this.#written)) hash.update(chunk)
      const packSha = parseOid(hash.hex())
      writeFully(this.#fd, Buffer.from(packSha, 'hex'), this.#written)
      fs.ftruncateSync(this.#fd, this.#written + packSha.length / 2)
      return await this.publish(packSha)
    } catch (error) {
      this.abort()
      throw error
    }
  }

  /** For a pack that is whole as it lies there: only the index is made. */
  async publish(packSha: Oid): Promise<string> {
    const name = `pack-${packSha}`
    const temporaryIndex = path.join(this.#folder, temporaryName('idx'))
    const target = path.join(this.#folder, name)
    try {
      fs.fchmodSync(this.#fd, READ_ONLY)
      await fsync(this.#fd)
      await writeIndex(temporaryIndex, this.#entries, packSha)
      this.#close()
      if (fs.existsSync(`${target}.pack`) && fs.existsSync(`${target}.idx`)) {
        // The name is the content's: the very same pack is there.
        removeQuietly(this.#temporary)
        removeQuietly(temporaryIndex)
        return name
      }
      fs.renameSync(this.#temporary, `${target}.pack`)
      fs.renameSync(temporaryIndex, `${target}.idx`)
      fsyncFolder(this.#folder)
      return name
    } catch (error) {
      removeQuietly(temporaryIndex)
      this.abort()
      throw error
    }
  }

  /** Removes the temporary file. Harmless after the end. */
  abort(): void {
    this.#close()
    removeQuietly(this.#temporary)
  }

  #close(): void {
    if (!this.#open) return
    this.#open = false
    fs.closeSync(this.#fd)
  }

  #write(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER) this.#flush()
    if (bytes.length > BUFFER) {
      writeFully(this.#fd, bytes, this.#written)
      this.#written += bytes.length
    } else {
      this.#buffer.set(bytes, this.#buffered)
      this.#buffered += bytes.length
    }
  }

  #flush(): void {
    writeFully(this.#fd, this.#buffer.subarray(0, this.#buffered), this.#written)
    this.#written += this.#buffered
    this.#buffered = 0
  }
}

/** Writes and syncs an index file under a temporary name. */
export async function writeIndex(temporary: string, entries: readonly PackIndexEntry[], packSha: Oid): Promise<void> {
  const fd = fs.openSync(temporary, 'wx', READ_ONLY)
  try {
    writeFully(fd, encodePackIndex(nodeCodec, entries, packSha))
    await fsync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
