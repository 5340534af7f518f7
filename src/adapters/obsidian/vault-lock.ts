/** As much of `navigator.locks` as is needed. */
export interface Locks {
  request(
    name: string,
    options: { readonly ifAvailable?: boolean; readonly signal?: AbortSignal },
    held: (lock: unknown) => Promise<void> | undefined,
  ): Promise<unknown>
}

/** Where there are no locks (an old phone), there is no second window either. */
const systemLocks = (): Locks | undefined => (navigator as { readonly locks?: Locks }).locks

/**
 * Makes this window the one that syncs a vault. Null: another one is. The system gives the lock back when the window is gone, however
 * it went. The function returned gives it back (idempotent).
 */
export function acquireVaultLock(name: string, locks: Locks | undefined = systemLocks()): Promise<(() => void) | null> {
  return locks ? hold(locks, name, { ifAvailable: true }) : Promise.resolve(() => undefined)
}

/** The same, when the other window is done. `waiting` is called when that is not at once. Rejects with the signal's reason. */
export async function waitForVaultLock(
  name: string,
  waiting: () => void,
  signal: AbortSignal,
  locks: Locks | undefined = systemLocks(),
): Promise<() => void> {
  signal.throwIfAborted()
  const now = await acquireVaultLock(name, locks)
  if (now || !locks) return now ?? (() => undefined)
  waiting()
  const release = await hold(locks, name, { signal })
  return release!
}

function hold(
  locks: Locks,
  name: string,
  options: { readonly ifAvailable?: boolean; readonly signal?: AbortSignal },
): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    const held = (lock: unknown): Promise<void> | undefined => {
      if (lock === null) {
        resolve(null)
        return undefined
      }
      return new Promise((release) => resolve(() => release()))
    }
    locks.request(name, options, held).catch((cause: unknown) => {
      reject(options.signal?.aborted ? (options.signal.reason as Error) : (cause as Error))
    })
  })
}
