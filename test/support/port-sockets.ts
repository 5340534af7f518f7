import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { dataChannelPort, type DataChannelLike } from '../../src/adapters/port/data-channel-port.ts'
import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import { MAX_MESSAGE } from '../../src/adapters/port/port-frames.ts'
import { webSocketPort } from '../../src/adapters/port/web-socket-port.ts'
import { whenOpen } from '../../src/adapters/port/when-open.ts'
import { PortTransports, type Join } from './port-transports.ts'

/** A server of WebSockets on loopback. A socket goes to whoever waits for the path that it asks for. */
export class SocketServer {
  readonly #server: WebSocketServer
  readonly #waiting = new Map<string, (port: MessagePortLike) => void>()
  #paths = 0

  constructor(maxPayload = MAX_MESSAGE) {
    this.#server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload })
    this.#server.on('connection', (socket, { url }) => {
      const accept = this.#waiting.get(url!)
      this.#waiting.delete(url!)
      if (accept) accept(webSocketPort(socket))
      else socket.terminate()
    })
  }

  /** The URL whose next socket goes there. */
  async expect(accept: (port: MessagePortLike) => void): Promise<string> {
    if (!this.#server.address()) await new Promise((resolve) => this.#server.once('listening', resolve))
    const path = `/${++this.#paths}`
    this.#waiting.set(path, accept)
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}${path}`
  }

  readonly join: Join = async (accept) => {
    const url = await this.expect(accept)
    return webSocketPort(await whenOpen(new WebSocket(url)))
  }

  close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate()
    return new Promise((resolve) => void this.#server.close(() => resolve()))
  }
}

/** Transports over WebSockets, with the server that they need. */
export class SocketTransports extends PortTransports {
  readonly #server: SocketServer

  constructor(server = new SocketServer()) {
    super(server.join)
    this.#server = server
  }

  override async dispose(): Promise<void> {
    await super.dispose()
    await this.#server.close()
  }
}

/** As a data channel to its user: states, events, the size of messages. What carries it is a MessageChannel. */
class LikeDataChannel extends EventTarget {
  binaryType = 'blob'
  readyState = 'open'
  bufferedAmount = 0
  readonly #port: MessagePort

  constructor(port: MessagePort) {
    super()
    this.#port = port
    port.onmessage = ({ data }: { data: ArrayBuffer }) => {
      const message = this.binaryType === 'arraybuffer' ? data : new Blob([data])
      this.dispatchEvent(new MessageEvent('message', { data: message }))
    }
    port.addEventListener('close', () => {
      if (this.readyState === 'closed') return
      this.readyState = 'closed'
      this.dispatchEvent(new Event('close'))
    })
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError')
    if (data.length > MAX_MESSAGE) throw new TypeError('too large')
    this.#port.postMessage(data.slice().buffer)
  }

  close(): void {
    if (this.readyState === 'open') this.readyState = 'closing'
    this.#port.close()
  }
}

export const joinByLikeDataChannel: Join = (accept) => {
  const { port1, port2 } = new MessageChannel()
  const owner = (own: string, other: string) => ({
    localDescription: { sdp: `v=0\r\na=fingerprint:sha-256 ${own}\r\n` },
    remoteDescription: { sdp: `v=0\r\na=fingerprint:sha-256 ${other}\r\n` },
    close: () => undefined,
  })
  const [near, far] = [port1, port2].map((port) => new LikeDataChannel(port) as unknown as DataChannelLike)
  accept(dataChannelPort(far!, owner('AB:CD', 'EF:01')))
  return Promise.resolve(dataChannelPort(near!, owner('ef:01', 'ab:cd')))
}
