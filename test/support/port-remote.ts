/**
 * Transports of another page or process, used as if they were here: so that one suite can hold both ends of a real connection.
 * A message is a length of 4 bytes, so much JSON, and the bytes that go with it. Runs in browsers too.
 */
import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import { bytesOf } from '../../src/adapters/port/message-port-like.ts'
import { TransportError, type TransportErrorCode } from '../../src/ports/errors.ts'
import type {
  ByteStream,
  CloseReason,
  Connection,
  EndpointId,
  PathInfo,
  PeerAddress,
  Transport,
} from '../../src/ports/transport.ts'
import { readUint32, writeUint32 } from '../../src/objects/bytes.ts'

interface Message {
  /** Of a call and its answer; without it, somebody is told something. */
  readonly n?: number
  readonly on?: number
  readonly call?: string
  readonly value?: unknown
  readonly error?: {
    readonly code: TransportErrorCode
    readonly message: string
    readonly data: Record<string, unknown>
  }
}

function post(wire: MessagePortLike, message: Message, bytes: Uint8Array = new Uint8Array(0)): void {
  const json = new TextEncoder().encode(JSON.stringify(message))
  const whole = new Uint8Array(4 + json.length + bytes.length)
  writeUint32(whole, 0, json.length)
  whole.set(json, 4)
  whole.set(bytes, 4 + json.length)
  wire.postMessage(whole)
}

function parse(data: unknown): [Message, Uint8Array] {
  const bytes = bytesOf(data)!
  const end = 4 + readUint32(bytes, 0)
  return [JSON.parse(new TextDecoder().decode(bytes.subarray(4, end))) as Message, bytes.slice(end)]
}

export interface RemoteHost {
  open(name: string): Promise<Transport>
  dispose(): Promise<void>
  /** Anything else that is asked for. */
  ask?(what: string, value: unknown): Promise<unknown>
}

/** Lets the other side of the wire use the transports here. Gives the function that tells it something. */
export function serveTransports(wire: MessagePortLike, host: RemoteHost): (call: string, value: unknown) => void {
  const things: unknown[] = []
  const refer = <T>(thing: T, facts: object = {}) => ({ ...facts, ref: things.push(thing) - 1 })
  const referConnection = (connection: Connection | null) =>
    connection && refer(connection, { remoteId: connection.remoteId, side: connection.side })
  const referStream = (stream: ByteStream | null) => stream && refer(stream)

  /** What is called on which thing; an answer of bytes stands for itself. */
  const answer = async ({ on, call, value }: Message, bytes: Uint8Array): Promise<unknown> => {
    const transport = things[on!] as Transport
    const connection = things[on!] as Connection
    const stream = things[on!] as ByteStream
    switch (call) {
      case 'open': {
        const opened = await host.open(value as string)
        return refer(opened, { id: opened.id, address: opened.address() })
      }
      case 'dispose':
        return host.dispose()
      case 'connect':
        return referConnection(await transport.connect(value as PeerAddress))
      case 'accept':
        return referConnection(await transport.accept())
      case 'closeTransport':
        return transport.close()
      case 'openStream':
        return referStream(await connection.openStream())
      case 'acceptStream':
        return referStream(await connection.acceptStream())
      case 'closed':
        return { reason: await connection.closed, traffic: connection.traffic() }
      case 'close':
        return connection.close(...(value as [number, string]))
      case 'read':
        return stream.read(value as number)
      case 'write':
        return stream.write(bytes)
      case 'finish':
        return stream.finish()
      case 'abort':
        return stream.abort()
      case undefined:
      default:
        return host.ask?.(call!, value)
    }
  }

  wire.listen({
    message(data) {
      const [message, bytes] = parse(data)
      answer(message, bytes).then(
        (value) =>
          value instanceof Uint8Array
            ? post(wire, { n: message.n! }, value)
            : post(wire, { n: message.n!, value: value ?? null }),
        (error: TransportError) => {
          const { code, message: text, data } = error
          post(wire, { n: message.n!, error: { code, message: text, data } })
        },
      )
    },
    gone: () => undefined,
  })
  return (call, value) => post(wire, { call, value })
}

/** The other side's transports. */
export class RemoteTransports {
  readonly #wire: MessagePortLike
  readonly #calls = new Map<number, (message: Message, bytes: Uint8Array) => void>()
  #n = 0

  /** `onTold`: what the other side says without being asked. */
  constructor(wire: MessagePortLike, onTold: (call: string, value: unknown) => void = () => undefined) {
    this.#wire = wire
    wire.listen({
      message: (data) => {
        const [message, bytes] = parse(data)
        if (message.n === undefined) return onTold(message.call!, message.value)
        this.#calls.get(message.n)!(message, bytes)
        this.#calls.delete(message.n)
      },
      gone: () => undefined,
    })
  }

  call(call: string, value?: unknown, on?: number, bytes?: Uint8Array): Promise<unknown> {
    const n = ++this.#n
    return new Promise((resolve, reject) => {
      this.#calls.set(n, ({ value: answer, error }, answered) => {
        if (error) reject(new TransportError(error.code, error.message, error.data))
        else resolve(answer === undefined ? answered : answer)
      })
      post(this.#wire, { n, call, value, ...(on === undefined ? {} : { on }) }, bytes)
    })
  }

  async open(name: string): Promise<Transport> {
    const { ref, id, address } = (await this.call('open', name)) as {
      ref: number
      id: EndpointId
      address: PeerAddress
    }
    return {
      id,
      address: () => address,
      connect: async (to) => (await this.#connection('connect', to, ref))!,
      accept: () => this.#connection('accept', undefined, ref),
      close: async () => void (await this.call('closeTransport', undefined, ref)),
    }
  }

  dispose(): Promise<unknown> {
    return this.call('dispose')
  }

  async #connection(call: string, value: unknown, on: number): Promise<Connection | null> {
    const facts = (await this.call(call, value, on)) as Pick<Connection, 'remoteId' | 'side'> & { ref: number }
    return facts && new RemoteConnection(this, facts)
  }
}

class RemoteConnection implements Connection {
  readonly remoteId: EndpointId
  readonly side: 'dialer' | 'acceptor'
  readonly closed: Promise<CloseReason>
  readonly #remote: RemoteTransports
  readonly #ref: number
  #traffic = { sent: 0, received: 0 }

  constructor(remote: RemoteTransports, facts: Pick<Connection, 'remoteId' | 'side'> & { ref: number }) {
    this.remoteId = facts.remoteId
    this.side = facts.side
    this.#remote = remote
    this.#ref = facts.ref
    this.closed = remote.call('closed', undefined, this.#ref).then((value) => {
      const { reason, traffic } = value as { reason: CloseReason; traffic: { sent: number; received: number } }
      this.#traffic = traffic
      return reason
    })
  }

  async openStream(): Promise<ByteStream> {
    return (await this.#stream('openStream'))!
  }

  acceptStream(): Promise<ByteStream | null> {
    return this.#stream('acceptStream')
  }

  paths(): readonly PathInfo[] {
    return []
  }

  /** Known once it is over. */
  traffic() {
    return this.#traffic
  }

  close(code: number, reason: string): void {
    void this.#remote.call('close', [code, reason], this.#ref)
  }

  async #stream(call: string): Promise<ByteStream | null> {
    const facts = (await this.#remote.call(call, undefined, this.#ref)) as { ref: number } | null
    return facts && streamOf(this.#remote, facts.ref)
  }
}

function streamOf(remote: RemoteTransports, ref: number): ByteStream {
  return {
    read: (max) => remote.call('read', max, ref) as Promise<Uint8Array | null>,
    write: async (bytes) => void (await remote.call('write', undefined, ref, bytes)),
    finish: async () => void (await remote.call('finish', undefined, ref)),
    abort: () => void remote.call('abort', undefined, ref),
  }
}
