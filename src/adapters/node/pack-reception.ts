import fs from 'node:fs'
import path from 'node:path'
import type { Oid } from '../../objects/oid.ts'
import { encodePackEntry, PACK_TRAILER_SIZE } from '../../objects/pack.ts'
import { bytesSource, indexPack } from '../../objects/pack-reader.ts'
import type { IndexedPack, PackSource, ResolveBase } from '../../objects/pack-reader.ts'
import { CorruptObjectError } from '../../objects/errors.ts'
import { explodePack, oidsOf } from '../memory/explode-pack.ts'
import { removeQuietly, writeFully } from './durable-files.ts'
import { FileSource } from './file-source.ts'
import type { LooseObjects } from './loose-objects.ts'
import { LOOSE_LIMIT } from './node-object-batch.ts'
import { nodeCodec } from './node-codec.ts'
import { Pacer } from './pacer.ts'
import type { PackFiles } from './pack-files.ts'
import { PackWriter } from './pack-writer.ts'
import { StagedLooseObjects } from './staged-loose-objects.ts'
import { temporaryName } from './temporary-files.ts'

/** A pack up to this many bytes waits in memory for its end; a longer one goes to a temporary file. */
const IN_MEMORY = 1024 * 1024

interface Spooled {
  readonly source: PackSource
  /** The temporary file, when there is one. */
  readonly file?: { readonly temporary: string; readonly fd: number }
}

/** Takes in a pack from elsewhere: spooled, verified, completed when thin, then loose objects when it is small, else a pack of ours. */
export async function receivePack(
  pack: AsyncIterable<Uint8Array> | Uint8Array,
  packs: PackFiles,
  loose: LooseObjects,
  readBase: ResolveBase,
): Promise<Oid[]> {
  const spooled = await spool(pack, packs.folder)
  try {
    const pacer = new Pacer()
    const indexed = await indexPack(nodeCodec, spooled.source, {
      resolveBase: readBase,
      onLarge: () => undefined,
      onProgress: () => pacer.breathe(),
    })
    const oids = oidsOf(indexed)
    // A pack that the user's git removed must not vouch for what it held.
    packs.rescan()
    if (oids.every((oid) => packs.has(oid) || loose.has(oid))) return oids
    const bytes = indexed.objects.reduce((sum, object) => sum + object.size, 0)
    if (oids.length <= LOOSE_LIMIT.objects && bytes <= LOOSE_LIMIT.bytes)
      await unpack(spooled, indexed, packs, loose, readBase)
    else await keep(spooled, indexed, packs, readBase)
    return oids
  } finally {
    if (spooled.file) {
      closeQuietly(spooled.file.fd)
      // It has another name by now if it was kept.
      removeQuietly(spooled.file.temporary)
    }
  }
}

async function unpack(
  spooled: Spooled,
  indexed: IndexedPack,
  packs: PackFiles,
  loose: LooseObjects,
  readBase: ResolveBase,
): Promise<void> {
  const staged = new StagedLooseObjects(loose)
  try {
    for await (const [oid, { type, content }] of explodePack(nodeCodec, spooled.source, indexed, readBase)) {
      if (!packs.has(oid) && !loose.has(oid)) staged.add(oid, type, content, 1)
    }
    await staged.publish()
  } catch (error) {
    staged.discard()
    throw error
  }
}

async function keep(spooled: Spooled, indexed: IndexedPack, packs: PackFiles, readBase: ResolveBase): Promise<void> {
  const { temporary, fd } = spooled.file ? takeOver(spooled.file) : writeOut(spooled.source, packs.folder)
  const entries = indexed.objects.map(({ oid, offset, crc32 }) => ({ oid, offset, crc32 }))
  const writer = PackWriter.resume(packs.folder, temporary, fd, spooled.source.size - PACK_TRAILER_SIZE, entries)
  const bases = new Set(indexed.objects.flatMap((object) => object.externalBase ?? []))
  if (bases.size === 0) {
    packs.add(await writer.publish(indexed.packSha))
    return
  }
  try {
    // What `git index-pack --fix-thin` does: the bases that the deltas lack go to the pack's end.
    for (const oid of bases) {
      const base = await readBase(oid)
      if (!base) throw new CorruptObjectError('missing-base', `the base ${oid} of a delta is missing`, { oid })
      const deflated = nodeCodec.deflate(base.content, 1)
      writer.add(oid, encodePackEntry({ kind: 'full', type: base.type, size: base.content.length, deflated }))
    }
  } catch (error) {
    writer.abort()
    throw error
  }
  packs.add(await writer.finish())
}

async function spool(pack: AsyncIterable<Uint8Array> | Uint8Array, folder: string): Promise<Spooled> {
  if (pack instanceof Uint8Array) return { source: bytesSource(pack) }
  const parts: Uint8Array[] = []
  let size = 0
  let file: Spooled['file']
  const pacer = new Pacer()
  try {
    for await (const chunk of pack) {
      if (!file && size + chunk.length > IN_MEMORY) {
        file = createTemporary(folder)
        for (const part of parts.splice(0)) writeFully(file.fd, part)
      }
      if (file) writeFully(file.fd, chunk)
      else parts.push(chunk.slice())
      size += chunk.length
      await pacer.breathe()
    }
  } catch (error) {
    if (file) {
      closeQuietly(file.fd)
      removeQuietly(file.temporary)
    }
    throw error
  }
  return file ? { source: new FileSource(file.fd, size), file } : { source: bytesSource(Buffer.concat(parts)) }
}

function writeOut(source: PackSource, folder: string): { temporary: string; fd: number } {
  const file = createTemporary(folder)
  try {
    writeFully(file.fd, source.read(0, source.size))
    return file
  } catch (error) {
    closeQuietly(file.fd)
    removeQuietly(file.temporary)
    throw error
  }
}

/** The pack's writer closes its descriptor and may rename the file: it gets a descriptor of its own. */
function takeOver(file: { temporary: string }): { temporary: string; fd: number } {
  return { temporary: file.temporary, fd: fs.openSync(file.temporary, 'r+') }
}

function createTemporary(folder: string): { temporary: string; fd: number } {
  const temporary = path.join(folder, temporaryName('pack'))
  return { temporary, fd: fs.openSync(temporary, 'wx+', 0o600) }
}

function closeQuietly(fd: number): void {
  try {
    fs.closeSync(fd)
  } catch {
    // Only read from, or about to be removed.
  }
}
