import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { CorruptObjectError } from '../../objects/errors.ts'
import { hashObject, objectHeader } from '../../objects/hash.ts'
import type { DeflateLevel } from '../../objects/codec.ts'
import { isOid } from '../../objects/oid.ts'
import type { GitObject, ObjectType, Oid } from '../../objects/oid.ts'
import { MAX_OBJECT_SIZE } from '../../objects/pack-entry.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import type { ObjectInfo } from '../../ports/object-store.ts'
import { skipped, verified } from '../memory/byte-stream.ts'
import { makeFolder, readFully } from './durable-files.ts'
import { fileChunks } from './file-chunks.ts'
import { errnoOf } from './fs-failure.ts'
import { nodeCodec } from './node-codec.ts'

const HEADER = /^(blob|tree|commit|tag) (0|[1-9]\d{0,15})$/
/** Compressed bytes that surely hold the whole header, and inflate to no more than 300 KiB. */
const PEEK = 256

interface LooseHeader extends ObjectInfo {
  /** Of the header itself, bytes. */
  readonly length: number
}

/** Git's loose objects, `objects/<2 hex>/<38 hex>`: a zlib stream of `type SP size NUL` and the content. */
export class LooseObjects {
  readonly folder: string
  /** Where damaged ones go, named by their oids: for whoever wants to look at them. */
  readonly damaged: string

  constructor(gitDir: string) {
    this.folder = path.join(gitDir, 'objects')
    this.damaged = path.join(gitDir, 'tandem-damaged')
  }

  fileOf(oid: Oid): string {
    return path.join(this.folder, oid.slice(0, 2), oid.slice(2))
  }

  has(oid: Oid): boolean {
    return fs.statSync(this.fileOf(oid), { throwIfNoEntry: false }) !== undefined
  }

  /** The oids in one of the 256 folders. */
  inFolder(firstByte: string): Oid[] {
    try {
      return fs.readdirSync(path.join(this.folder, firstByte)).flatMap((rest) => {
        const oid = firstByte + rest
        return isOid(oid) ? [oid] : []
      })
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return []
      throw error
    }
  }

  list(): Oid[] {
    return fs.readdirSync(this.folder).flatMap((name) => (/^[0-9a-f]{2}$/.test(name) ? this.inFolder(name) : []))
  }

  info(oid: Oid): ObjectInfo | undefined {
    const fd = this.#open(oid)
    if (fd === undefined) return undefined
    try {
      const { type, size } = readHeader(fd, oid)
      return { type, size }
    } finally {
      fs.closeSync(fd)
    }
  }

  /** Undefined when absent. @throws CorruptObjectError `too-large`, `hash-mismatch`, `bad-zlib`, `bad-object`. */
  read(oid: Oid, largestBlob = LARGE_BLOB): GitObject | undefined {
    const fd = this.#open(oid)
    if (fd === undefined) return undefined
    try {
      const header = readHeader(fd, oid)
      if (header.size > (header.type === 'blob' ? largestBlob : MAX_OBJECT_SIZE))
        throw new CorruptObjectError('too-large', `${oid} is to be streamed`, { oid })
      const bytes = new Uint8Array(fs.fstatSync(fd).size)
      readFully(fd, bytes, 0)
      const content = nodeCodec.inflate(bytes, 0, header.length + header.size).content.subarray(header.length)
      if (hashObject(nodeCodec, header.type, content) !== oid)
        throw new CorruptObjectError('hash-mismatch', `${oid} is damaged`, { oid })
      return { type: header.type, content }
    } finally {
      fs.closeSync(fd)
    }
  }

  /** A blob's content, verified at its end; undefined when absent. Reads from the start whatever the offset: zlib has no other way. */
  stream(oid: Oid, offset: number): AsyncGenerator<Uint8Array> | undefined {
    const fd = this.#open(oid)
    if (fd === undefined) return undefined
    return streamOpen(fd, oid, offset)
  }

  /** Moves a damaged object out of the way, so that a sound copy can take its place. */
  setAside(oid: Oid): void {
    makeFolder(this.damaged)
    try {
      fs.renameSync(this.fileOf(oid), path.join(this.damaged, oid))
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }

  #open(oid: Oid): number | undefined {
    try {
      return fs.openSync(this.fileOf(oid), 'r')
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

export function encodeLoose(type: ObjectType, content: Uint8Array, level: DeflateLevel): Uint8Array {
  const header = objectHeader(type, content.length)
  const whole = new Uint8Array(header.length + content.length)
  whole.set(header)
  whole.set(content, header.length)
  return nodeCodec.deflate(whole, level)
}

async function* streamOpen(fd: number, oid: Oid, offset: number): AsyncGenerator<Uint8Array> {
  try {
    const header = readHeader(fd, oid)
    const content = skipped(nodeCodec.inflateStream(fileChunks(fd)), header.length)
    yield* skipped(verified(nodeCodec, oid, header.size, content), offset)
  } finally {
    fs.closeSync(fd)
  }
}

function readHeader(fd: number, oid: Oid): LooseHeader {
  const start = new Uint8Array(PEEK)
  const length = readFully(fd, start, 0)
  let text: string
  try {
    text = zlib
      .inflateSync(start.subarray(0, length), { finishFlush: zlib.constants.Z_SYNC_FLUSH })
      .toString('latin1', 0, 64)
  } catch (cause) {
    throw new CorruptObjectError('bad-zlib', `${oid} is damaged`, { oid }, { cause })
  }
  const end = text.indexOf('\0')
  const match = HEADER.exec(text.slice(0, Math.max(0, end)))
  if (!match) throw new CorruptObjectError('bad-object', `${oid} is damaged`, { oid })
  return { type: match[1] as ObjectType, size: Number(match[2]), length: end + 1 }
}
