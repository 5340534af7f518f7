import type { BiStream, Connection as NativeConnection } from '@number0/iroh'
import { TransportError } from '../../ports/errors.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, PathInfo } from '../../ports/transport.ts'
import type { ByteForm } from './iroh-bytes.ts'
import { connectionError, irohMessage, parseCloseReason } from './iroh-errors.ts'
import { IrohStream } from './iroh-stream.ts'
import { isLocalSocket } from './local-addresses.ts'

/** Bytes of a close reason (UTF-8). */
const MAX_REASON = 200

/**
 * A live QUIC connection. Its transport holds it until it is over; it holds its streams (see
 * {@link IrohStream}). The native one is let go of when it is over: it keeps the endpoint's ports as long as it is there.
 */
export class IrohConnection implements Connection {
  readonly remoteId: EndpointId
  readonly side: 'dialer' | 'acceptor'
  readonly closed: Promise<CloseReason>
  /** Null once over. */
  #native: NativeConnection | null
  readonly #form: ByteForm
  readonly #streams = new Set<IrohStream>()
  /** What we closed it with, if it was us. */
  #closedWith: CloseReason | null = null
  #traffic = { sent: 0, received: 0 }

  constructor(native: NativeConnection, form: ByteForm) {
    this.#native = native
    this.#form = form
    this.remoteId = native.remoteId().toString() as EndpointId
    this.side = String(native.side()) === 'Client' ? 'dialer' : 'acceptor'
    this.closed = native.closed().then(
      (text) => this.#end(parseCloseReason(text)),
      (error: unknown) => this.#end({ by: 'network', reason: irohMessage(error) }),
    )
  }

  async openStream(): Promise<ByteStream> {
    if (this.#closedWith || !this.#native) throw this.#goneError()
    let native: BiStream
    try {
      native = await this.#native.openBi()
    } catch (error) {
      throw connectionError(error)
    }
    return this.#hold(native)
  }

  async acceptStream(): Promise<ByteStream | null> {
    if (this.#closedWith || !this.#native) return null
    let native: BiStream
    try {
      native = await this.#native.acceptBi()
    } catch {
      // The only way it fails is that the connection is over; `closed` says why.
      return null
    }
    return this.#hold(native)
  }

  /** The path in use first. Asked of the binding, never watched: its watchers kill the process. */
  paths(): readonly PathInfo[] {
    if (!this.#native) return []
    try {
      return this.#native
        .paths()
        .sort((left, right) => Number(right.isSelected) - Number(left.isSelected))
        .map(({ isRelay, remoteAddr, rttMs }) => ({
          kind: isRelay ? 'relay' : isLocalSocket(remoteAddr) ? 'local' : 'direct',
          address: remoteAddr,
          roundTripMs: rttMs,
        }))
    } catch {
      return []
    }
  }

  traffic(): { readonly sent: number; readonly received: number } {
    return (this.#traffic = this.#countTraffic())
  }

  close(code: number, reason: string): void {
    if (this.#closedWith || !this.#native) return
    const bytes = truncateUtf8(reason)
    // When the other side was first, its reason is the one that holds.
    if (this.#native.closeReason() === null) {
      this.#closedWith = { by: 'us', code, reason: new TextDecoder().decode(bytes) }
    }
    this.#native.close(BigInt(code), this.#form.toNative(bytes))
  }

  #hold(native: BiStream): IrohStream {
    const stream = new IrohStream(native, this.#form, () => this.#streams.delete(stream))
    this.#streams.add(stream)
    return stream
  }

  #end(reason: CloseReason): CloseReason {
    this.#traffic = this.#countTraffic()
    this.#native = null
    this.#streams.clear()
    return reason.by === 'us' && this.#closedWith ? this.#closedWith : reason
  }

  #countTraffic(): { sent: number; received: number } {
    if (!this.#native) return this.#traffic
    try {
      const { udpTxBytes, udpRxBytes } = this.#native.stats()
      return { sent: udpTxBytes, received: udpRxBytes }
    } catch {
      return this.#traffic
    }
  }

  #goneError(): TransportError {
    const by = this.#closedWith ? 'us' : 'network'
    return new TransportError('disconnected', 'The connection is over.', { by })
  }
}

function truncateUtf8(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text)
  let end = Math.min(bytes.length, MAX_REASON)
  // Not in the middle of a letter: there, the next byte is 10xxxxxx.
  while (end < bytes.length && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.subarray(0, end)
}
