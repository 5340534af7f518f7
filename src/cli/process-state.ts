import { readFileSync, readlinkSync } from 'node:fs'
import type { LockPlace, ProcessState } from './lock-holder.ts'

/** Whether a process lives, and since when. Synchronous: the files of /proc are memory. */
export function processState(pid: number): ProcessState {
  const stat = readOrNull(`/proc/${pid}/stat`)
  if (stat !== null) {
    // proc(5): "pid (comm) state ppid …"; comm may hold anything, also ")". Field 3 is the state, field 22 the start in ticks since boot.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds nothing open any more: it is dead, only not yet counted.
    if (fields[0] === 'Z' || fields[0] === 'X') return { alive: false }
    return { alive: true, startedAt: fields[19] ?? null }
  }
  try {
    process.kill(pid, 0)
    return { alive: true, startedAt: null }
  } catch (error) {
    // EPERM: there is such a process, of another user.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? { alive: true, startedAt: null } : { alive: false }
  }
}

export function thisPlace(): LockPlace {
  return {
    machine: readOrNull('/etc/machine-id'),
    boot: readOrNull('/proc/sys/kernel/random/boot_id'),
    pidNamespace: linkOrNull('/proc/self/ns/pid'),
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null
  } catch {
    return null
  }
}

function linkOrNull(path: string): string | null {
  try {
    return readlinkSync(path)
  } catch {
    return null
  }
}
