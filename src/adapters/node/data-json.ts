import * as fs from 'node:fs'
import * as path from 'node:path'
import { damagedName, MAX_DATA_LENGTH, type JsonObject, type JsonReading } from '../../ports/data-file.ts'
import { StateError } from '../../ports/errors.ts'
import { fsyncFolder, replaceFile } from './durable-files.ts'
import { errnoOf } from './fs-failure.ts'
import { temporaryName } from './temporary-files.ts'

/** @throws StateError `damaged` when the folder around it is none; what the system says otherwise. */
export function readJson(file: string): JsonReading {
  let text: string
  try {
    const { size } = fs.statSync(file)
    if (size > MAX_DATA_LENGTH) return { kind: 'unparsable', why: `it is larger than ${MAX_DATA_LENGTH} bytes` }
    text = fs.readFileSync(file, 'utf8')
  } catch (error) {
    const code = errnoOf(error)
    if (code === 'ENOENT') return { kind: 'missing' }
    if (code !== 'ENOTDIR' && code !== 'EISDIR') throw error
    const folder = path.dirname(file)
    throw new StateError(
      'damaged',
      `the state folder ${folder} is not what it was made as`,
      { path: folder },
      { cause: error },
    )
  }
  try {
    const value: unknown = JSON.parse(text)
    JSON.stringify(value) // what is nested too deeply could never be saved
    return { kind: 'parsed', value }
  } catch (error) {
    const why = text.trim() === '' ? 'it is empty' : `it is not JSON (${(error as Error).message.slice(0, 200)})`
    return { kind: 'unparsable', why }
  }
}

/** At once: a power cut leaves the old or the new one, whole. */
export function writeJson(file: string, value: JsonObject): void {
  const text = `${JSON.stringify(value, null, 2)}\n`
  replaceFile(file, path.join(path.dirname(file), temporaryName('file')), new TextEncoder().encode(text))
}

/**
 * Keeps a damaged file under a name of its own, `<name>.damaged-<n>`, before it is replaced: never over another, never without a
 * file of the old name in place. Returns the new path.
 */
export function setAside(file: string): string {
  for (;;) {
    const to = damagedName(file, fs.existsSync)
    try {
      linkOrCopy(file, to)
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') continue
      throw error
    }
    fsyncFolder(path.dirname(file))
    return to
  }
}

function linkOrCopy(from: string, to: string): void {
  try {
    fs.linkSync(from, to)
  } catch (error) {
    // A file system without hard links (exFAT).
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(errnoOf(error) ?? '')) throw error
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL)
  }
}
