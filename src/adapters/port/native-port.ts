import type { MessagePortLike, PortListener } from './message-port-like.ts'

/** What a browser's MessagePort and the one of Node's worker threads have in common. */
export interface NativeMessagePort {
  onmessage: ((event: MessageEvent) => void) | null
  postMessage(message: unknown, transfer: ArrayBuffer[]): void
  addEventListener(type: 'close' | 'messageerror', listener: () => void): void
  close(): void
}

/** A MessagePort. Its other side is told when it closes, or when its page or thread dies: in Chromium from version 122 on. */
export function nativePort(port: NativeMessagePort): MessagePortLike {
  let listener: PortListener | null = null
  let isOpen = true
  const end = (): void => {
    if (!isOpen) return
    isOpen = false
    listener?.gone()
  }
  // The event is for the other side alone in browsers.
  const close = (): void => {
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
      port.onmessage = ({ data }) => given.message(data)
      if (!isOpen) queueMicrotask(() => given.gone())
    },
    postMessage(message) {
      port.postMessage(message.buffer, [message.buffer])
    },
    close,
  }
}
