declare const endpointBrand: unique symbol

/** A device's public key as 64 lower-case hex digits: its name on the network. */
export type EndpointId = string & { readonly [endpointBrand]: true }

export function isEndpointId(text: string): text is EndpointId {
  return /^[0-9a-f]{64}$/.test(text)
}

/** Where a device may be found. An address is no permission (P1). */
export interface PeerAddress {
  readonly id: EndpointId
  /** `ip:port`, newest knowledge first. */
  readonly direct: readonly string[]
  readonly relay?: string
}

export interface PathInfo {
  readonly kind: 'direct' | 'relay' | 'local'
  readonly address: string
  readonly roundTripMs?: number
}

/** Why a connection ended. `code` is the application's close code when a side closed it with one. */
export interface CloseReason {
  readonly by: 'us' | 'peer' | 'network'
  readonly code?: number
  readonly reason: string
}

/**
 * A bidirectional stream of bytes with flow control. The two halves end independently.
 * Whoever holds it must end both: read to null or `abort`, and `finish` or `abort`; else its slot is lost.
 */
export interface ByteStream {
  /** The next bytes, at most `max` (default 64 KiB); null at the other side's clean end. @throws TransportError `reset`, `disconnected`. */
  read(max?: number): Promise<Uint8Array | null>
  /** Resolves when the bytes are on their way (not: delivered). @throws TransportError. */
  write(bytes: Uint8Array): Promise<void>
  /** Ends our half. Resolves when the other side has all of it, or throws. */
  finish(): Promise<void>
  /** Gives up both halves at once; the other side reads a reset. */
  abort(): void
}

export interface Connection {
  /** Proven by the handshake (L2). */
  readonly remoteId: EndpointId
  readonly side: 'dialer' | 'acceptor'
  openStream(): Promise<ByteStream>
  /** The next stream that the other side opened (known once it wrote something); null when the connection is over. */
  acceptStream(): Promise<ByteStream | null>
  readonly closed: Promise<CloseReason>
  paths(): readonly PathInfo[]
  /** Bytes on the wire as the network library counts them, if it does. */
  traffic(): { readonly sent: number; readonly received: number }
  /** Idempotent. The reason is at most 200 bytes of text. */
  close(code: number, reason: string): void
}

export interface Transport {
  readonly id: EndpointId
  /** How others reach us now. */
  address(): PeerAddress
  /** @throws TransportError `unreachable`, `timeout` (30 s of its own), `aborted`. */
  connect(to: PeerAddress, signal?: AbortSignal): Promise<Connection>
  /** The next connection that somebody opened to us; null once closed. */
  accept(): Promise<Connection | null>
  /** Closes every connection and waits until the endpoint is gone. */
  close(): Promise<void>
}
