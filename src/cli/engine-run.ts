import type { Context } from './context.ts'
import { EngineHost } from './engine-host.ts'
import { Operations } from './operations.ts'

/** Sends a request to the engine that runs on this state, and answers its questions. */
export type Request = (method: string, params: unknown, onEvent?: (event: unknown) => void) => Promise<unknown>

/**
 * Runs `work` against the engine of this state: the one of a running `tandem up`, or one of our own for the time being, which
 * pairs and does not sync.
 */
export async function withEngine<T>(
  context: Context,
  command: string,
  work: (request: Request) => Promise<T>,
): Promise<T> {
  context.checkState()
  const lock = await context.lockOrReach(command)
  if (lock === 'running') return work((method, params, onEvent) => context.call(method, params, onEvent))
  try {
    // Who removes a device from a list that is lost shall know that.
    const state = context.openLockedState({ repair: command !== 'remove' })
    context.warn(state.problems)
    const host = await EngineHost.open(state, context.network(), { sync: false })
    try {
      host.device.peers.start({ dial: false })
      const operations = new Operations(host)
      return await work((method, params, onEvent = () => undefined) =>
        operations.handle({ method, params }, onEvent, context.signal),
      )
    } finally {
      await host.close()
    }
  } finally {
    await lock.release()
  }
}
