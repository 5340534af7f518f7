/**
 * An Iroh relay for tests: passes datagrams between endpoints that cannot reach each other. A WebSocket at `/relay`,
 * subprotocol `iroh-relay-v2` or `-v1`, one frame per binary message; the first byte is its type:
 *
 *     0  challenge    16 bytes                                        to the client, at once
 *     1  client auth  endpoint id (32), 64, ed25519 signature (64)    over blake3.derive_key(AUTH_CONTEXT, challenge)
 *     2  confirmed
 *     3  denied       length, reason
 *     4  datagram     to: endpoint id (32), ECN and payload           from the client
 *     5  datagrams    the same, several of one size
 *     6, 7            the same as 4 and 5, with the sender's id       to the client
 *     8  gone         endpoint id (32) that a datagram was for
 *     9  ping         8 bytes
 *    10  pong         the same 8 bytes
 *
 * No limits beyond those that keep a broken test from eating the machine: not for use outside of tests.
 */
import { createPublicKey, randomBytes, verify } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { blake3 } from '@noble/hashes/blake3.js'
import { WebSocketServer, type WebSocket } from 'ws'

const FRAME = {
  challenge: 0,
  clientAuth: 1,
  confirmed: 2,
  denied: 3,
  sendDatagram: 4,
  sendDatagrams: 5,
  gone: 8,
  ping: 9,
  pong: 10,
} as const
/** From what a client sends to what the other one receives. */
const TO_RECEIVED = 2
const ID_BYTES = 32
const SIGNATURE_BYTES = 64
const AUTH_CONTEXT = new TextEncoder().encode('iroh-relay handshake v1 challenge signature')
const PROTOCOLS = ['iroh-relay-v2', 'iroh-relay-v1']
const MAX_FRAME = 1 << 20
/** A receiver that is this far behind loses datagrams, as on any network. */
const MAX_BUFFERED = 8 << 20
const PING_MS = 15_000

export class TestRelay {
  /** Frames passed on. */
  relayed = 0
  readonly #clients = new Map<string, WebSocket>()
  readonly #http: Server
  readonly #webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_FRAME,
    handleProtocols: (offered) => PROTOCOLS.find((name) => offered.has(name)) ?? false,
  })

  private constructor() {
    this.#http = createServer((request, response) => answerProbe(request, response))
    this.#http.on('upgrade', (request, socket, head) => {
      if (request.url?.split('?')[0] !== '/relay') return socket.destroy()
      this.#webSockets.handleUpgrade(request, socket, head, (client) => this.#welcome(client))
    })
  }

  /** Port 0: any. */
  static async start(host = '127.0.0.1', port = 0): Promise<TestRelay> {
    const relay = new TestRelay()
    await new Promise<void>((resolve, reject) => {
      relay.#http.once('error', reject)
      relay.#http.listen(port, host, resolve)
    })
    return relay
  }

  get url(): string {
    const { address, port } = this.#http.address() as AddressInfo
    return `http://${address}:${port}`
  }

  /** Endpoint ids, hex. */
  get clients(): readonly string[] {
    return [...this.#clients.keys()]
  }

  async close(): Promise<void> {
    for (const client of this.#webSockets.clients) client.terminate()
    const closed = new Promise((resolve) => this.#http.close(resolve))
    this.#http.closeAllConnections()
    await closed
  }

  #welcome(client: WebSocket): void {
    const challenge = randomBytes(16)
    let id: string | null = null
    const ping = setInterval(() => client.send(frame(FRAME.ping, randomBytes(8))), PING_MS)
    client.on('close', () => {
      clearInterval(ping)
      if (id !== null && this.#clients.get(id) === client) this.#clients.delete(id)
    })
    client.on('error', () => client.terminate())
    client.on('message', (data: Buffer, isBinary) => {
      if (!isBinary || data.length === 0) return
      if (id !== null) return this.#take(client, id, data)
      id = authenticatedId(data, challenge)
      if (id === null) {
        client.send(frame(FRAME.denied, Buffer.from('\x11signature invalid')))
        return client.close()
      }
      this.#clients.set(id, client)
      client.send(frame(FRAME.confirmed))
    })
    client.send(frame(FRAME.challenge, challenge))
  }

  #take(client: WebSocket, id: string, data: Buffer): void {
    const type = data[0]
    if (type === FRAME.ping) return client.send(frame(FRAME.pong, data.subarray(1)))
    if ((type !== FRAME.sendDatagram && type !== FRAME.sendDatagrams) || data.length <= ID_BYTES) return
    const to = data.subarray(1, 1 + ID_BYTES)
    const receiver = this.#clients.get(to.toString('hex'))
    if (!receiver) return client.send(frame(FRAME.gone, to))
    if (receiver.bufferedAmount > MAX_BUFFERED) return
    this.relayed++
    receiver.send(frame(type + TO_RECEIVED, Buffer.from(id, 'hex'), data.subarray(1 + ID_BYTES)))
  }
}

/** What Iroh asks over plain HTTP: whether the relay is there, and whether a hotel's log-in page is in between. */
function answerProbe({ url, headers }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Access-Control-Allow-Origin', '*')
  const challenge = headers['x-iroh-challenge']
  if (url === '/generate_204') {
    if (typeof challenge === 'string') response.setHeader('X-Iroh-Response', `response ${challenge}`)
    response.writeHead(204).end()
  } else if (url === '/ping') response.end()
  else response.writeHead(404).end()
}

function frame(type: number, ...parts: Uint8Array[]): Buffer {
  return Buffer.concat([Uint8Array.of(type), ...parts])
}

/** The endpoint id of a client that proves to hold its key; null for any other. */
function authenticatedId(data: Buffer, challenge: Uint8Array): string | null {
  const signatureAt = 1 + ID_BYTES + 1
  if (data.length !== signatureAt + SIGNATURE_BYTES || data[0] !== FRAME.clientAuth) return null
  if (data[signatureAt - 1] !== SIGNATURE_BYTES) return null
  const id = data.subarray(1, 1 + ID_BYTES)
  const signed = blake3(challenge, { context: AUTH_CONTEXT })
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: id.toString('base64url') }, format: 'jwk' })
    return verify(null, signed, key, data.subarray(signatureAt)) ? id.toString('hex') : null
  } catch {
    return null // not a point on the curve
  }
}
