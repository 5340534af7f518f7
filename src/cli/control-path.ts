import { createHash } from 'node:crypto'
import { lstat, mkdir } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { StateError } from '../ports/errors.ts'

/** `sun_path` holds 108 bytes on Linux and 104 on a Mac, its final NUL included. */
const MAX_SOCKET_PATH = 103

/**
 * Where the control socket of a state folder is: in the folder; for a path too long for a socket, under a hashed name in
 * the system's folder for temporary files; on Windows a named pipe. Same folder, same user: same place.
 */
export function controlPath(stateFolder: string, platform: NodeJS.Platform = process.platform): string {
  const folder = resolve(stateFolder)
  const hashed = createHash('sha256').update(folder).digest('hex').slice(0, 32)
  if (platform === 'win32') return `\\\\.\\pipe\\tandem-${hashed}`
  const inside = join(folder, 'control.sock')
  if (Buffer.byteLength(inside) <= MAX_SOCKET_PATH) return inside
  return join(tmpdir(), `tandem-${userInfo().uid}`, `${hashed}.sock`)
}

/**
 * Makes the folder of a socket outside the state folder, for this user alone.
 * @throws StateError `damaged` when somebody else's folder, or something else, is in its place.
 */
export async function prepareControlFolder(socketPath: string): Promise<void> {
  const folder = dirname(socketPath)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const { uid } = userInfo()
  const found = await lstat(folder) // not stat: a link could lead anywhere
  if (!found.isDirectory() || found.uid !== uid || (found.mode & 0o077) !== 0) {
    throw new StateError('damaged', `${folder} is not a folder of this user alone`, { path: folder })
  }
}
