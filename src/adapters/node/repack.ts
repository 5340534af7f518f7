import fs from 'node:fs'
import path from 'node:path'
import type { Oid } from '../../objects/oid.ts'
import type { GitObject } from '../../objects/oid.ts'
import { encodePackEntry, PACK_TRAILER_SIZE } from '../../objects/pack.ts'
import { LARGE_BLOB } from '../../ports/object-store.ts'
import { planPackMerge } from '../memory/pack-merge.ts'
import type { MergeStep } from '../memory/pack-merge.ts'
import { fsyncFolder, readFully, removeQuietly } from './durable-files.ts'
import { fileChunks } from './file-chunks.ts'
import type { LooseObjects } from './loose-objects.ts'
import { nodeCodec } from './node-codec.ts'
import { Pacer } from './pacer.ts'
import type { PackFile } from './pack-file.ts'
import type { PackFiles } from './pack-files.ts'
import { PackWriter } from './pack-writer.ts'

/** Packs above this many bytes stay as they are: merging them again and again would cost more than it gains. */
const SMALL_PACK = 32 * 1024 * 1024
/** Files beside a pack that say it is not ours to touch: kept, of a partial clone, of unreachable objects. */
const HANDS_OFF = ['.keep', '.promisor', '.mtimes']
/** Files beside a pack that are nothing without it. */
const COMPANIONS = ['.rev', '.bitmap']

export interface RepackLimits {
  /** More packs, or more loose objects, than these are merged. */
  readonly packs: number
  readonly loose: number
}

export const REPACK_LIMITS: RepackLimits = { packs: 50, loose: 2000 }

/** What `repack` did: how many packs and loose objects became one pack of how many objects. */
export type RepackResult =
  | { readonly kind: 'nothing-to-do' }
  | { readonly kind: 'merged'; readonly packs: number; readonly loose: number; readonly objects: number }

/**
 * Merges small packs and small loose objects into one pack. The new pack is durable and known to hold every object before anything
 * is removed, so a crash at any point leaves each object at least once. What is damaged is left alone.
 */
export async function repack(
  packs: PackFiles,
  loose: LooseObjects,
  read: (oid: Oid) => Promise<GitObject>,
  limits: RepackLimits,
): Promise<RepackResult> {
  packs.rescan()
  const looseOids = loose.list()
  if (packs.all.length <= limits.packs && looseOids.length <= limits.loose) return { kind: 'nothing-to-do' }
  const pacer = new Pacer()
  const old: PackFile[] = []
  for (const pack of packs.all)
    if (pack.size < SMALL_PACK && isOurs(pack, packs.folder) && (await isWhole(pack))) old.push(pack)
  const writer = PackWriter.create(packs.folder)
  const moved: Oid[] = []
  let name: string
  try {
    for (const step of planPackMerge(old.map((pack) => ({ source: pack, extents: pack.extents() })))) {
      writer.add(step.oid, await entryOf(step, read))
      await pacer.breathe()
    }
    for (const oid of looseOids) {
      if (moveLoose(oid, loose, writer)) moved.push(oid)
      await pacer.breathe()
    }
    if (writer.count === 0 || (old.length < 2 && moved.length === 0)) {
      writer.abort()
      return { kind: 'nothing-to-do' }
    }
    name = await writer.finish()
  } catch (error) {
    writer.abort()
    throw error
  }
  const merged = packs.add(name)
  if (!merged || !holdsAll(merged, old, moved)) throw new Error('the merged pack does not hold every object')
  removeMerged(packs, loose, old, moved, name)
  return { kind: 'merged', packs: old.length, loose: moved.length, objects: merged.index.count }
}

async function entryOf(step: MergeStep, read: (oid: Oid) => Promise<GitObject>): Promise<Uint8Array[]> {
  if (step.kind === 'rewrite') return wholeEntry(await read(step.oid))
  const { header, source, end } = step
  const deflated = source.read(header.dataOffset, end - header.dataOffset)
  if (step.kind === 'copy-delta')
    return encodePackEntry({ kind: 'ref-delta', base: step.base, size: header.size, deflated })
  return encodePackEntry({ kind: 'full', type: step.header.type, size: header.size, deflated })
}

function wholeEntry({ type, content }: GitObject): Uint8Array[] {
  return encodePackEntry({ kind: 'full', type, size: content.length, deflated: nodeCodec.deflate(content, 1) })
}

/** Large blobs stay loose, to be streamed; a damaged object stays for somebody to look at. */
function moveLoose(oid: Oid, loose: LooseObjects, writer: PackWriter): boolean {
  try {
    const info = loose.info(oid)
    if (!info || info.size > LARGE_BLOB) return false
    if (writer.has(oid)) return true
    const object = loose.read(oid)
    if (!object) return false
    writer.add(oid, wholeEntry(object))
    return true
  } catch {
    return false
  }
}

function isOurs(pack: PackFile, folder: string): boolean {
  return HANDS_OFF.every((ending) => !fs.existsSync(path.join(folder, pack.name + ending)))
}

/** Whether the file is what its checksum says. Entries are copied without a look inside, so the whole is looked at first. */
async function isWhole(pack: PackFile): Promise<boolean> {
  let fd: number
  try {
    fd = pack.openOwn()
  } catch {
    return false
  }
  try {
    const hash = nodeCodec.sha1()
    const end = pack.size - PACK_TRAILER_SIZE
    for await (const chunk of fileChunks(fd, 0, end)) hash.update(chunk)
    const trailer = Buffer.alloc(PACK_TRAILER_SIZE)
    readFully(fd, trailer, end)
    const sha = hash.hex()
    return sha === trailer.toString('hex') && sha === pack.index.packSha
  } finally {
    fs.closeSync(fd)
  }
}

function holdsAll(merged: PackFile, old: readonly PackFile[], moved: readonly Oid[]): boolean {
  for (const pack of old) for (const oid of pack.index.oids()) if (merged.index.find(oid) === undefined) return false
  return moved.every((oid) => merged.index.find(oid) !== undefined)
}

function removeMerged(
  packs: PackFiles,
  loose: LooseObjects,
  old: readonly PackFile[],
  moved: readonly Oid[],
  kept: string,
): void {
  // Git's index over several packs may name those that go.
  for (const name of fs.readdirSync(packs.folder))
    if (name.startsWith('multi-pack-index')) removeQuietly(path.join(packs.folder, name))
  for (const pack of old) {
    if (pack.name === kept) continue
    packs.forget(pack.name)
    // The index first: without it git does not see the pack, while an index without its pack is an error to it.
    for (const ending of ['.idx', ...COMPANIONS, '.pack']) removeQuietly(path.join(packs.folder, pack.name + ending))
  }
  fsyncFolder(packs.folder)
  for (const oid of moved) removeQuietly(loose.fileOf(oid))
}
