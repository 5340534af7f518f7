/** What a port tells its listener. */
export interface PortListener {
  /** One message as it came; whoever listens judges whether it is bytes ({@link bytesOf}). */
  message(data: unknown): void
  /** Nothing passes any more, whichever side closed it. Called once. */
  gone(): void
}

/**
 * Anything that carries whole messages in order, without loss and without flow control: a MessagePort, a data channel, a
 * WebSocket. Open when it is handed over. What arrives before `listen` may be lost, so listen in the turn in which it came up;
 * of two sides, the one that dialled speaks first.
 */
export interface MessagePortLike {
  /** `local`: both sides are in one machine. */
  readonly kind: 'local' | 'direct'
  /** Bytes posted that have not left yet; 0 where the port does not tell. */
  readonly bufferedAmount: number
  /** At most once. */
  listen(listener: PortListener): void
  /** The array fills its buffer, and both are the port's from now on. @throws when it is not open any more. */
  postMessage(message: Uint8Array<ArrayBuffer>): void
  /** What was posted still leaves. Idempotent. */
  close(): void
  /** Bytes that both sides know and nobody between them can choose, as the certificates of a data channel's DTLS. */
  channelBinding?(): Uint8Array
}

/** How to open a port to one of a device's addresses: `port:name`, `ws://…`; what they mean is the opener's. Rejects when it cannot. */
export type PortOpener = (address: string, signal: AbortSignal) => Promise<MessagePortLike>

/**
 * The bytes of a message, or null when it is anything else. Our side posts whole buffers only: a view into a larger or a shared
 * buffer would hold, or change, more than what was counted. By tag: buffers of other pages are no instance of ours.
 */
export function bytesOf(data: unknown): Uint8Array | null {
  if (isBuffer(data)) return new Uint8Array(data)
  if (!ArrayBuffer.isView(data) || !isBuffer(data.buffer) || data.byteLength !== data.buffer.byteLength) return null
  return new Uint8Array(data.buffer)
}

function isBuffer(value: unknown): value is ArrayBuffer {
  return Object.prototype.toString.call(value) === '[object ArrayBuffer]'
}
