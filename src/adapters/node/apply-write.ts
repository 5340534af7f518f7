import { linkSync, lstatSync, renameSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { FileContent, StepResult, WriteStep } from '../../ports/vault-files.ts'
import { MadeFolders, SourceError, forgetTemporary, removeTemporary, writeTemporary } from './atomic-write.ts'
import type { TemporaryFile } from './atomic-write.ts'
import { hashLocated, isStill } from './disk-access.ts'
import type { DiskAccess, HashedFile } from './disk-access.ts'
import { errno, isImpossible, reasonOf, writeError } from './disk-errors.ts'
import type { Located } from './disk-names.ts'
import { fileStatOf, scanTree } from './vault-scan.ts'

const CHANGED: StepResult = { result: 'changed' }

/** File systems without hard links say so in one of these ways. */
const NO_LINKS = ['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'EXDEV', 'EISDIR']

/** A folder on the way went, or became something else, since we looked. */
const MOVED_UNDER_US = ['ENOENT', 'ENOTDIR', 'EEXIST', 'ELOOP']

/**
 * Brings a file to new content: temporary file, then a rename, if and only if the disk still holds what the step expects (E1).
 * @throws VaultError `unwritable`, `disk-full`; CorruptObjectError `hash-mismatch`. The disk then holds what it held before.
 */
export async function applyWrite(access: DiskAccess, step: WriteStep, content: FileContent): Promise<StepResult> {
  try {
    const located = access.names.locateForWriting(step.path)
    access.root.verify()
    const before = await contentBefore(access, step, located)
    if ('result' in before) return before
    return await replace(access, step, content, before)
  } catch (cause) {
    if (cause instanceof SourceError) throw cause.cause
    if (MOVED_UNDER_US.includes(errno(cause))) {
      access.root.verify()
      return CHANGED
    }
    if (isImpossible(cause)) return { result: 'impossible', reason: reasonOf(cause) }
    throw writeError(cause, step.path)
  }
}

/** Where the file goes: over `file`, or as a new name below `folder`. */
type Place = { readonly file: HashedFile } | { readonly folder: string; readonly missing: readonly string[] }

/** E1: what is there now, against what the step expects; the step's result when that settles it. */
async function contentBefore(access: DiskAccess, step: WriteStep, located: Located): Promise<Place | StepResult> {
  switch (located.kind) {
    case 'blocked':
    case 'special':
      return CHANGED
    case 'twin':
      return {
        result: 'impossible',
        reason: `this disk already holds “${located.name}”, and does not tell upper from lower case`,
      }
    case 'folder':
      return isInTheWay(access, step, located.disk)
    case 'unholdable':
      return { result: 'impossible', reason: located.reason }
    case 'absent':
      return step.expect === null ? located : CHANGED
    case 'file': {
      const file = await hashLocated(located, access.codec)
      if (file?.oid === step.oid) return { result: 'applied', stat: fileStatOf(step.path, file.stat) }
      return file && file.oid === step.expect ? { file } : CHANGED
    }
  }
}

/** A folder that holds files is a change that the next snapshot will bring; an empty one would stay for ever. */
async function isInTheWay(access: DiskAccess, step: WriteStep, disk: string): Promise<StepResult> {
  const below = await scanTree({ disk, path: step.path }, { ...access, isLeftover: () => false })
  if (below.files.length + below.errors.length > 0) return CHANGED
  return { result: 'impossible', reason: 'a folder of that name is in the way' }
}

async function replace(access: DiskAccess, step: WriteStep, content: FileContent, place: Place): Promise<StepResult> {
  const made = new MadeFolders()
  let temporary: TemporaryFile | undefined
  let done = false
  try {
    const folder = 'file' in place ? dirname(place.file.disk) : made.make(place.folder, place.missing.slice(0, -1))
    const like = 'file' in place ? place.file.stat : undefined
    temporary = await writeTemporary(access, folder, step.oid, content, like)
    const target = 'file' in place ? place.file.disk : join(folder, place.missing.at(-1)!)

    access.hook('replace', target)
    // No turn for anybody from here to the rename.
    done = 'file' in place ? putOver(access, temporary, place.file) : putNew(access, temporary, target)
    if (!done) return CHANGED

    const stat = fileStatOf(step.path, temporary.stat)
    const after = lstatSync(target, { throwIfNoEntry: false })
    for (const parent of [folder, ...made.paths.map((path) => dirname(path))]) await access.folders.sync(parent)
    // Size and time are those of what we wrote: an edit right behind us then looks like an edit.
    return { result: 'applied', stat: after?.ino === stat.ino ? { ...stat, ctimeMs: after.ctimeMs } : stat }
  } finally {
    if (!done) {
      if (temporary) removeTemporary(access, temporary.disk)
      made.undo()
    }
  }
}

function putOver(access: DiskAccess, temporary: TemporaryFile, file: HashedFile): boolean {
  if (!isStill(file, access.codec)) return false
  renameSync(temporary.disk, file.disk)
  forgetTemporary(access, temporary.disk)
  return true
}

/** A hard link fails where a name exists already, which a rename does not. A name in NFD is the same one (E6). */
function putNew(access: DiskAccess, temporary: TemporaryFile, target: string): boolean {
  const decomposed = join(dirname(target), basename(target).normalize('NFD'))
  if (decomposed !== target && lstatSync(decomposed, { throwIfNoEntry: false })) return false
  try {
    linkSync(temporary.disk, target)
    removeTemporary(access, temporary.disk)
    return true
  } catch (cause) {
    if (errno(cause) === 'EEXIST') return false
    if (!NO_LINKS.includes(errno(cause))) throw cause
    if (lstatSync(target, { throwIfNoEntry: false })) return false
    renameSync(temporary.disk, target)
    forgetTemporary(access, temporary.disk)
    return true
  }
}
