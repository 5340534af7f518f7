import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { errnoOf } from './fs-failure.ts'
import { removeQuietly } from './durable-files.ts'

// Tells this process from an earlier one of the same number: in a container every start is process 1.
const START = randomBytes(4).toString('hex')
const OURS = /^tmp_[a-z]+_tandem_(\d+)_([0-9a-f]{8})_\d+/
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000
let count = 0

/** A name that nobody else uses, `tmp_<kind>_tandem_<process>_<start>_<n>`: git's own `prune` removes old `tmp_*` files too. */
export function temporaryName(kind: 'obj' | 'pack' | 'idx' | 'file'): string {
  return `tmp_${kind}_tandem_${process.pid}_${START}_${count++}`
}

/** Removes from a folder the temporary files of processes of ours that are gone, and any that are a day old. */
export function removeStaleTemporaries(folder: string): void {
  let names: string[]
  try {
    names = fs.readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return
    throw error
  }
  for (const name of names) {
    if (name.startsWith('tmp_') && isStale(path.join(folder, name), name)) removeQuietly(path.join(folder, name))
  }
}

function isStale(file: string, name: string): boolean {
  const ours = OURS.exec(name)
  if (ours) {
    const [, pid, start] = ours
    if (Number(pid) === process.pid) return start !== START
    if (!isAlive(Number(pid))) return true
  }
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat !== undefined && Date.now() - stat.mtimeMs > ABANDONED_AFTER_MS
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) === 'EPERM'
  }
}
