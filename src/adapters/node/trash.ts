import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { VaultError } from '../../ports/errors.ts'
import { trashNames } from '../memory/trash-name.ts'
import { TRASH_FOLDER, temporaryName } from '../memory/vault-scope.ts'
import { isStill } from './disk-access.ts'
import type { DiskAccess, HashedFile } from './disk-access.ts'
import { errno, reasonOf } from './disk-errors.ts'
import { sameContent } from './file-content.ts'

/**
 * Where deleted files go (E4). `vault`: Obsidian's local trash, `.trash` in the vault, under their own path.
 * `history`: nowhere; the content stays in the git history alone.
 */
export type TrashChoice = 'vault' | 'history'

/**
 * Takes a file out of the vault if it still is what was hashed; false, and nothing changed, if not.
 * @throws VaultError `trash-failed`; the file is where it was.
 */
export function moveToTrash(access: DiskAccess, path: string, file: HashedFile, choice: TrashChoice): boolean {
  try {
    return choice === 'vault' ? moveInto(access, file, reserve(access, path)) : remove(access, file)
  } catch (cause) {
    const message = `“${path}” was deleted on another device but cannot be moved to the trash here because ${reasonOf(cause)}. It stays where it is.`
    throw new VaultError('trash-failed', message, { path }, { cause })
  }
}

/** Moves the file over the place held for it. From the last check to the move nobody in this process gets a turn. */
function moveInto(access: DiskAccess, file: HashedFile, place: string): boolean {
  try {
    access.hook('trash', file.disk)
    if (!isStill(file, access.codec)) {
      removeQuietly(place)
      return false
    }
    fs.renameSync(file.disk, place)
  } catch (cause) {
    removeQuietly(place)
    throw cause
  }
  if (sameContent(fs.lstatSync(place), file.stat)) return true
  // Another program wrote in the instant between check and move: what it wrote goes back.
  putBack(place, file.disk)
  return false
}

function remove(access: DiskAccess, file: HashedFile): boolean {
  const place = join(dirname(file.disk), temporaryName(randomBytes(8).toString('hex')))
  if (!moveInto(access, file, place)) return false
  fs.unlinkSync(place)
  return true
}

/** Holds a free name in the trash by an empty file, so that a rename there replaces nothing. */
function reserve(access: DiskAccess, path: string): string {
  const trash = join(access.root.path, TRASH_FOLDER)
  makeFolder(trash)
  let wanted = path
  try {
    let folder = trash
    for (const name of path.split('/').slice(0, -1)) makeFolder((folder = join(folder, name)))
  } catch (cause) {
    // A file that was thrown away earlier bears the folder's name: then right into the trash.
    if (errno(cause) !== 'ENOTDIR') throw cause
    wanted = path.slice(path.lastIndexOf('/') + 1)
  }
  for (const name of trashNames(wanted)) {
    const place = join(trash, name)
    try {
      fs.closeSync(fs.openSync(place, 'wx'))
      return place
    } catch (cause) {
      if (errno(cause) !== 'EEXIST') throw cause
    }
  }
  throw new Error('unreachable: there is always another name')
}

/** @throws ENOTDIR when something that is no folder is there: never through a link. */
function makeFolder(disk: string): void {
  try {
    fs.mkdirSync(disk)
  } catch (cause) {
    if (errno(cause) !== 'EEXIST') throw cause
    if (!fs.lstatSync(disk).isDirectory()) throw Object.assign(new Error(`not a folder: ${disk}`), { code: 'ENOTDIR' })
  }
}

/** Without replacing what may be there again; then both stay, one of them in the trash. */
function putBack(place: string, disk: string): void {
  try {
    fs.linkSync(place, disk)
    fs.unlinkSync(place)
  } catch (cause) {
    if (errno(cause) !== 'EEXIST' && !fs.lstatSync(disk, { throwIfNoEntry: false })) fs.renameSync(place, disk)
  }
}

function removeQuietly(disk: string): void {
  try {
    fs.unlinkSync(disk)
  } catch {
    // An empty file in the trash harms nobody.
  }
}
