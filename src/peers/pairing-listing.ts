/**
 * How a vault's listing goes to the other device (E9): in chunks, in order of the paths, each sent when the one before was taken,
 * so that a long listing fills no queue and no heartbeat waits for more than one chunk.
 */
import type { ListedFile, VaultListing } from '../history/compare-vaults.ts'
import { compareText } from '../history/oid-order.ts'
import { encodeUtf8 } from '../objects/bytes.ts'

/** T8: files of one listing. */
export const MAX_LISTED_FILES = 250_000
/** T8: bytes of one listing, as `listedBytes` counts them. */
export const MAX_LISTING_BYTES = 32 * 1024 * 1024
/** Bytes of one chunk: 13 s at 5 KB/s, so that even there no silence of 30 s ends the link (L6). */
export const MAX_CHUNK_BYTES = 64 * 1024
/** Chunks of one listing: twice as many as ours ever has, for each but the last is nearly full. */
const MAX_CHUNKS = 1024
/** An oid, and what surrounds it and the path in a message. */
const BYTES_BESIDE_PATH = 32

/** What a file takes of the limits: its path in UTF-8, and 32 bytes. */
export function listedBytes({ path }: ListedFile): number {
  return encodeUtf8(path).length + BYTES_BESIDE_PATH
}

/** The chunks of a listing, at least one, each as large as it may be; null for a listing beyond the limits. */
export function chunksOf(listing: VaultListing): readonly VaultListing[] | null {
  if (listing.length > MAX_LISTED_FILES) return null
  const chunks: VaultListing[] = []
  let start = 0
  let size = 0
  let total = 0
  for (const [i, file] of listing.entries()) {
    const bytes = listedBytes(file)
    if (size + bytes > MAX_CHUNK_BYTES) {
      chunks.push(listing.slice(start, i))
      start = i
      size = 0
    }
    size += bytes
    total += bytes
  }
  if (total > MAX_LISTING_BYTES) return null
  return [...chunks, listing.slice(start)]
}

/** What has arrived of the other device's listing. */
export interface ArrivedListing {
  readonly chunks: readonly VaultListing[]
  readonly files: number
  readonly bytes: number
  readonly complete: boolean
}

export const NOTHING_ARRIVED: ArrivedListing = { chunks: [], files: 0, bytes: 0, complete: false }

/** Takes the next chunk in; why it cannot be one, in words, otherwise. */
export function takeChunk(arrived: ArrivedListing, chunk: VaultListing, last: boolean): ArrivedListing | string {
  if (arrived.complete) return 'the other device listed more files after the end of its list'
  if (!chunk.length && !(last && !arrived.files)) return 'the other device sent an empty piece of its list of files'
  let before = arrived.chunks.at(-1)?.at(-1)
  let size = 0
  for (const file of chunk) {
    if (before && compareText(before.path, file.path) >= 0)
      return 'the other device listed its files out of order, or one of them twice'
    before = file
    size += listedBytes(file)
  }
  if (size > MAX_CHUNK_BYTES) return 'the other device sent too large a piece of its list of files'
  const files = arrived.files + chunk.length
  const bytes = arrived.bytes + size
  if (files > MAX_LISTED_FILES || bytes > MAX_LISTING_BYTES || arrived.chunks.length >= MAX_CHUNKS)
    return 'the other device listed more files than can be compared'
  return { chunks: chunk.length ? [...arrived.chunks, chunk] : arrived.chunks, files, bytes, complete: last }
}
