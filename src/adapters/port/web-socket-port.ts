import type { MessagePortLike, PortListener } from './message-port-like.ts'

/** What a browser's WebSocket and the `ws` package of Node have in common. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  readonly bufferedAmount: number
  send(data: Uint8Array<ArrayBuffer>): void
  close(): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
}

const CLOSED = 3

/**
 * An open WebSocket (see `whenOpen`). A server should itself refuse messages beyond 64 KiB: `maxPayload` of the `ws` package.
 * What passes is as private as the socket: `wss:`, or `ws:` within one machine.
 */
export function webSocketPort(socket: WebSocketLike): MessagePortLike {
  // Never blobs, and in Node buffers of their own instead of parts of larger ones.
  socket.binaryType = 'arraybuffer'
  // An error is always followed by the close; in Node one that nobody hears would end the process.
  socket.addEventListener('error', () => undefined)
  return {
    kind: 'direct',
    get bufferedAmount() {
      return socket.bufferedAmount
    },
    listen(listener: PortListener) {
      socket.addEventListener('message', ({ data }) => listener.message(data))
      if (socket.readyState === CLOSED) queueMicrotask(() => listener.gone())
      else socket.addEventListener('close', () => listener.gone())
    },
    postMessage: (message) => socket.send(message),
    close: () => socket.close(),
  }
}
