import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../ports/errors.ts'
import { removeQuietly } from './durable-files.ts'
import { errnoOf } from './fs-failure.ts'

/** Git and we hold such a lock for milliseconds: one this old was left by a process that died. */
const STALE_AFTER_MS = 10_000
const RETRY_MS = 20
const GIVE_UP_MS = 20_000

/** Git's lock on a file: `<file>.lock`, created only if absent, holding the file's next content. */
export interface LockFile {
  readonly fd: number
  /** Makes the lock's content durable and the file's. The caller then syncs the folder. */
  replaceTarget(): void
  /** Gives up the lock and what was written. Idempotent, harmless after `replaceTarget`. */
  release(): void
}

/** Waits for another's lock; a stale one is broken. @throws StoreError `unwritable` when others hold it for 20 s; the system's own errors as they are. */
export async function lockFile(target: string): Promise<LockFile> {
  const lock = `${target}.lock`
  let seen = { stamp: '', since: 0 }
  const started = performance.now()
  for (;;) {
    try {
      return heldLock(fs.openSync(lock, 'wx', 0o644), lock, target)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    const stat = fs.statSync(lock, { throwIfNoEntry: false })
    if (!stat) continue
    const now = performance.now()
    const stamp = `${stat.ino} ${stat.mtimeMs}`
    if (stamp !== seen.stamp) seen = { stamp, since: now }
    // Its time may be of a clock that was wrong: what we saw ourselves for as long counts too.
    if (Date.now() - stat.mtimeMs > STALE_AFTER_MS || now - seen.since > STALE_AFTER_MS) {
      removeQuietly(lock)
      continue
    }
    if (now - started > GIVE_UP_MS)
      throw new StoreError('unwritable', `${lock} is held by another program`, { path: lock })
    await sleep(RETRY_MS)
  }
}

function heldLock(fd: number, lock: string, target: string): LockFile {
  let state: 'open' | 'done' = 'open'
  const close = () => {
    if (state === 'done') return false
    state = 'done'
    fs.closeSync(fd)
    return true
  }
  return {
    fd,
    replaceTarget() {
      fs.fsyncSync(fd)
      if (!close()) return
      try {
        fs.renameSync(lock, target)
      } catch (error) {
        removeQuietly(lock)
        throw error
      }
    },
    release() {
      if (close()) removeQuietly(lock)
    },
  }
}
