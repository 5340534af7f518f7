import { closeSync, lstatSync, openSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'

/** Whether the disk takes `Note.md` and `note.md` for one file: asked by making a file, which no listing can tell. */
export function foldsCase(root: string): boolean {
  const token = randomBytes(8).toString('hex')
  const disk = join(root, `.tandem-Probe${token}.tmp`)
  try {
    closeSync(openSync(disk, 'wx'))
  } catch {
    // Read-only: what this system's disks usually do.
    return process.platform === 'darwin' || process.platform === 'win32'
  }
  try {
    return lstatSync(join(root, `.tandem-probe${token}.tmp`), { throwIfNoEntry: false }) !== undefined
  } finally {
    unlinkSync(disk)
  }
}
