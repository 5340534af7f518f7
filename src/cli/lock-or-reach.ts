import { systemClock } from '../adapters/node/system-clock.ts'
import { StateError } from '../ports/errors.ts'
import { isControlled } from './control-probe.ts'
import { acquireStateLock, type StateLock } from './state-lock.ts'

/** Reading a long log takes a second, opening a large vault a few. */
const PATIENCE_MS = 5000
/** Commands that hold the state until a person acts: waiting for them is pointless. */
const WAIT_FOR_PEOPLE = ['invite', 'join']

/**
 * The lock of a state folder for a command that takes a moment, or `running` when a `tandem up` can be asked instead. Others of its
 * kind, and an `up` that starts or ends right now, are waited for.
 * @throws StateError `in-use` when that takes more than PATIENCE_MS, or the holder waits for a person.
 */
export async function lockOrReach(
  folder: string,
  command: string,
  signal: AbortSignal,
): Promise<StateLock | 'running'> {
  const giveUpAt = systemClock.now() + PATIENCE_MS
  for (;;) {
    if (await isControlled(folder)) return 'running'
    try {
      return await acquireStateLock(folder, command)
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'in-use' || systemClock.now() > giveUpAt) throw error
      if (WAIT_FOR_PEOPLE.includes(String(error.data.command))) throw error
    }
    await systemClock.sleep(50, signal)
  }
}
