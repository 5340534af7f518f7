import * as fs from 'node:fs'
import { StateError } from '../../ports/errors.ts'

/** A device key as 64 hex digits. @throws StateError `damaged`. */
export function readKey(file: string): Uint8Array {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : ''
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new StateError('damaged', `${file} does not hold a device key`, { path: file })
  return Buffer.from(text, 'hex')
}

/** For the owner alone (P6), and never over another. */
export function writeKey(file: string, key: Uint8Array): void {
  const fd = fs.openSync(file, 'wx', 0o600)
  try {
    fs.writeSync(fd, `${Buffer.from(key).toString('hex')}\n`)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
