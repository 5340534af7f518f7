import type { MessagePortLike, PortListener } from './message-port-like.ts'

/** What a browser's MessagePort and the one of Node's worker threads have in common. */
export interface NativeMessagePort {
  onmessage: ((event: MessageEvent) => void) | null
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  addEventListener(type: 'close' | 'messageerror', listener: () => void): void
  close(): void
}

/** The last message: browsers do not tell the other side that a port was closed. */
const GOODBYE = null

/**
 * A MessagePort. Node tells when the other side is gone, whatever it died of; browsers do not, so there the silence of a page that
 * died counts (30 s).
 */
export function nativePort(port: NativeMessagePort): MessagePortLike {
  let listener: PortListener | null = null
  let isOpen = true
  const end = (): void => {
    if (!isOpen) return
    isOpen = false
    port.close()
    listener?.gone()
  }
  const close = (): void => {
    if (!isOpen) return
    port.postMessage(GOODBYE, [])
    port.close()
    queueMicrotask(end)
  }
  port.addEventListener('close', end)
  port.addEventListener('messageerror', close)
  return {
    kind: 'local',
    bufferedAmount: 0,
    listen(given) {
      listener = given
      // Setting it also starts the port.
      port.onmessage = ({ data }) => (data === GOODBYE ? end() : given.message(data))
      if (!isOpen) queueMicrotask(() => given.gone())
    },
    postMessage(message) {
      port.postMessage(message.buffer, [message.buffer])
    },
    close,
  }
}
