import fs from 'node:fs'
import path from 'node:path'
import type { Oid } from '../../objects/oid.ts'
import { indexPack } from '../../objects/pack-reader.ts'
import type { ResolveBase } from '../../objects/pack-reader.ts'
import { PackIndex } from '../../objects/pack-index.ts'
import { fsyncFolder, removeQuietly } from './durable-files.ts'
import { FileSource } from './file-source.ts'
import { nodeCodec } from './node-codec.ts'
import { writeIndex } from './pack-writer.ts'
import { temporaryName } from './temporary-files.ts'

/**
 * Packs without a sound index: a process was killed between naming the two or removing them, or the index was damaged. Removed when
 * everything in it lies elsewhere too; else indexed anew. A pack that is damaged itself stays for somebody to look at.
 */
export async function adoptOrphanedPacks(folder: string, hasElsewhere: (oid: Oid) => boolean): Promise<void> {
  const names = new Set(fs.readdirSync(folder))
  for (const name of names) {
    const base = /^(pack-[0-9a-f]{40})\.pack$/.exec(name)?.[1]
    if (base === undefined || hasSoundIndex(path.join(folder, `${base}.idx`))) continue
    await adopt(folder, base, hasElsewhere)
  }
}

async function adopt(folder: string, base: string, hasElsewhere: (oid: Oid) => boolean): Promise<void> {
  const file = path.join(folder, `${base}.pack`)
  const fd = fs.openSync(file, 'r')
  const temporary = path.join(folder, temporaryName('idx'))
  try {
    const source = new FileSource(fd, fs.fstatSync(fd).size)
    const { packSha, objects } = await indexPack(nodeCodec, source, {
      resolveBase: nothingOutside,
      onLarge: () => undefined,
    })
    if (objects.every((object) => hasElsewhere(object.oid))) {
      removeQuietly(path.join(folder, `${base}.idx`))
      removeQuietly(file)
    } else {
      await writeIndex(temporary, objects, packSha)
      fs.renameSync(temporary, path.join(folder, `${base}.idx`))
    }
    fsyncFolder(folder)
  } catch {
    removeQuietly(temporary)
  } finally {
    fs.closeSync(fd)
  }
}

const nothingOutside: ResolveBase = async () => undefined

function hasSoundIndex(file: string): boolean {
  try {
    PackIndex.decode(nodeCodec, fs.readFileSync(file))
    return true
  } catch {
    return false
  }
}
