import { TransportError } from '../../ports/errors.ts'

/** A WebSocket or a data channel: the two name their states differently. */
export interface Openable {
  readonly readyState: number | string
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
  close(): void
}

/** The same, once it is open. Closes it when the signal fires first. @throws TransportError `unreachable`, `aborted`. */
export function whenOpen<T extends Openable>(channel: T, signal?: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(new TransportError('unreachable', 'The device does not answer at this address.'))
    const abort = (): void => {
      reject(new TransportError('aborted', 'The attempt to connect was cancelled.', {}, { cause: signal!.reason }))
      channel.close()
    }
    channel.addEventListener('open', () => {
      signal?.removeEventListener('abort', abort)
      resolve(channel)
    })
    channel.addEventListener('close', fail)
    channel.addEventListener('error', fail)
    if (signal?.aborted) abort()
    else if (channel.readyState === 1 || channel.readyState === 'open') resolve(channel)
    else if (channel.readyState === 3 || channel.readyState === 'closed') fail()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
