/** Who holds a state folder, as its lock file tells: one JSON object. */
export interface LockHolder {
  readonly pid: number
  /** For people: the command that the process runs. */
  readonly command: string
  /** When the process began, in the system's own form; null where the system does not tell. Tells a reused pid apart. */
  readonly startedAt: string | null
  readonly place: LockPlace
  /** Makes every lock file's content unique. */
  readonly nonce: string
}

/** Where pids mean the same. Each part is null where the system has no such thing. */
export interface LockPlace {
  readonly machine: string | null
  /** New at each start of the machine. */
  readonly boot: string | null
  /** Containers number their processes on their own. */
  readonly pidNamespace: string | null
}

/** What this system knows about a pid of ours. `startedAt` null: alive, and no more is known. */
export type ProcessState = { readonly alive: false } | { readonly alive: true; readonly startedAt: string | null }

/**
 * Whether a lock still stands. `unknown`: its pid means nothing here, so only the control socket can tell.
 * In doubt a lock stands: two engines on one state could lose data, a lock too many costs a glance.
 */
export function judgeHolder(
  holder: LockHolder,
  here: LockPlace,
  processState: (pid: number) => ProcessState,
): 'held' | 'stale' | 'unknown' {
  const differs = (a: string | null, b: string | null): boolean => a !== null && b !== null && a !== b
  if (differs(holder.place.boot, here.boot)) {
    // Another start of this machine, and everything of then is dead; or another machine, and who knows.
    return differs(holder.place.machine, here.machine) ? 'held' : 'stale'
  }
  if (here.boot === null && differs(holder.place.machine, here.machine)) return 'held'
  if (differs(holder.place.pidNamespace, here.pidNamespace)) return 'unknown'
  const found = processState(holder.pid)
  if (!found.alive) return 'stale'
  return differs(holder.startedAt, found.startedAt) ? 'stale' : 'held'
}

/** undefined: not a lock that we wrote whole (the power failed under it). */
export function parseLock(text: string): LockHolder | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const { pid, command, startedAt, place, nonce } = value as Partial<Record<keyof LockHolder, unknown>>
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined
  const parts = (typeof place === 'object' && place !== null ? place : {}) as Partial<Record<keyof LockPlace, unknown>>
  const textOr = <T>(part: unknown, otherwise: T): string | T => (typeof part === 'string' ? part : otherwise)
  return {
    pid,
    command: textOr(command, 'an unknown command').slice(0, 1000),
    startedAt: textOr(startedAt, null),
    place: {
      machine: textOr(parts.machine, null),
      boot: textOr(parts.boot, null),
      pidNamespace: textOr(parts.pidNamespace, null),
    },
    nonce: textOr(nonce, ''),
  }
}
