/**
 * One process at a time on a state folder: the file `lock` in it, and no help from the system, since Node has no flock.
 *
 * A free folder is taken by giving a finished file the name `lock` with link(2), which fails when the name is there.
 * The lock of a dead process is taken over without a moment in which two could think they hold it:
 *
 *   1. Each lock has an id, the hash of its content. The right to replace lock T is the file `lock.T`, made by link(2)
 *      as well: one of many takers gets it.
 *   2. A taker that died on the way left `lock.T` behind; the right to replace *it* is `lock.<its id>`, and so on. The
 *      end of this chain, from `lock` onwards, is who holds the folder.
 *   3. Having made the end of the chain, the taker walks the chain again from `lock`. While its own link is in place
 *      nobody else can move on, so an unchanged chain means that it is the only one; else it withdraws.
 *   4. rename(2) of its link onto `lock` makes it the lock, in one step.
 *
 * Ids never come back, for each content holds fresh random bytes.
 */
import { createHash, randomBytes } from 'node:crypto'
import { constants, copyFile, link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError } from '../ports/errors.ts'
import { isControlled } from './control-probe.ts'
import { judgeHolder, parseLock } from './lock-holder.ts'
import type { LockHolder } from './lock-holder.ts'
import { processState, thisPlace } from './process-state.ts'

export interface StateLock {
  readonly path: string
  /** Lets the folder go. Idempotent. */
  release(): Promise<void>
}

/** A longer chain of takers that died in mid-takeover is no accident. */
const LONGEST_CHAIN = 50
/** Rounds against others who take and release meanwhile. */
const TRIES = 100

/**
 * Takes the lock of a state folder, which is made if need be. Does not wait for a holder.
 * @throws StateError `in-use` with `pid` and `command` of the holder in its data; `damaged`.
 */
export async function acquireStateLock(stateFolder: string, command: string): Promise<StateLock> {
  await mkdir(stateFolder, { recursive: true, mode: 0o700 }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST' && cause.code !== 'ENOTDIR') throw cause
    throw new StateError('damaged', `${stateFolder} is a file, not a folder`, { path: stateFolder }, { cause })
  })
  const path = join(stateFolder, 'lock')
  const state = processState(process.pid)
  const holder: LockHolder = {
    pid: process.pid,
    command,
    startedAt: state.alive ? state.startedAt : null,
    place: thisPlace(),
    nonce: randomBytes(16).toString('hex'),
  }
  const content = `${JSON.stringify(holder)}\n`
  const ours = `${path}.${process.pid}-${holder.nonce}.tmp`
  await writeDurably(ours, content)
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      if (!(await tryOnce(stateFolder, path, ours))) continue
      await sweep(stateFolder, idOf(content))
      return heldLock(path, idOf(content))
    }
    throw new StateError('in-use', 'other processes keep taking this state folder', { path })
  } finally {
    await unlinkIfThere(ours)
  }
}

interface ChainLink {
  readonly path: string
  readonly id: string
  readonly text: string
}

/** True: `ours` is the lock. False: something moved meanwhile, look again. */
async function tryOnce(stateFolder: string, path: string, ours: string): Promise<boolean> {
  const chain = await readChain(path)
  const last = chain.at(-1)
  if (!last) return linkNew(ours, path)

  await refuseIfHeld(stateFolder, last)
  if (chain.length >= LONGEST_CHAIN) {
    throw new StateError('damaged', `there are too many left-over files ${path}.*`, { path })
  }
  const claim = `${path}.${last.id}`
  if (!(await linkNew(ours, claim))) return false
  const now = await readChain(path)
  const unchanged = now.length === chain.length + 1 && chain.every(({ id }, index) => now[index]!.id === id)
  if (!unchanged) {
    await unlinkIfThere(claim)
    return false
  }
  await rename(claim, path)
  return true
}

/** Removes what takers that died left behind: to the holder of `lock`, every claim but the one on its own lock is void. */
async function sweep(stateFolder: string, ownId: string): Promise<void> {
  for (const name of await readdir(stateFolder)) {
    const claim = /^lock\.([0-9a-f]{32})$/.exec(name)
    const unfinished = /^lock\.(\d+)-[0-9a-f]{32}\.tmp$/.exec(name)
    const isVoid = claim ? claim[1] !== ownId : unfinished !== null && !processState(Number(unfinished[1])).alive
    if (isVoid) await unlinkIfThere(join(stateFolder, name))
  }
}

/** From `lock` on, each the right to replace the one before; empty when the folder is free. */
async function readChain(path: string): Promise<ChainLink[]> {
  const chain: ChainLink[] = []
  for (let at = path; chain.length <= LONGEST_CHAIN;) {
    const text = await readIfThere(at)
    if (text === undefined) break
    const id = idOf(text)
    chain.push({ path: at, id, text })
    at = `${path}.${id}`
  }
  return chain
}

async function refuseIfHeld(stateFolder: string, { text, path }: ChainLink): Promise<void> {
  const holder = parseLock(text)
  if (!holder) return // cut short by a power failure: nobody writes it that way while alive
  const verdict = judgeHolder(holder, thisPlace(), processState)
  if (verdict === 'stale' || (verdict === 'unknown' && !(await isControlled(stateFolder)))) return
  const { pid, command } = holder
  throw new StateError('in-use', `process ${pid} (${command}) is using the state folder ${stateFolder}`, {
    pid,
    command,
    path,
  })
}

function heldLock(path: string, id: string): StateLock {
  let released = false
  return {
    path,
    async release() {
      if (released) return
      released = true
      // A person may have removed our lock by hand, and another process taken the folder.
      const text = await readIfThere(path)
      if (text !== undefined && idOf(text) === id) await unlinkIfThere(path)
    },
  }
}

/** Gives a finished file a second name, unless that name is taken: then false. */
async function linkNew(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error
  }
  // A file system without hard links (exFAT): the name is as exclusive, only the content follows a moment later.
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Before a name can be seen its content is on disk: an empty lock after a power failure would name nobody. */
async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function idOf(content: string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32)
}
