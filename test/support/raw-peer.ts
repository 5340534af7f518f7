import { encodeFrame, FrameReader } from '../../src/protocol/frames.ts'
import {
  decodeMessage,
  encodeMessage,
  type Hello,
  type LinkMessage,
  type SendableMessage,
} from '../../src/protocol/messages.ts'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import type { ByteStream, CloseReason, Connection, EndpointId, Transport } from '../../src/ports/transport.ts'
import { aHello, anId } from './sample-messages.ts'
import type { TestDevice, TestNetwork } from './two-devices.ts'

/** A device that speaks by hand: what it sends need not make sense. */
export class RawPeer {
  readonly id: EndpointId
  readonly address: string
  readonly transport: Transport
  connection!: Connection
  control!: ByteStream
  /** All that it was told on the control stream. */
  readonly heard: LinkMessage[] = []
  closed: CloseReason | null = null

  constructor(
    readonly net: TestNetwork,
    readonly number: number,
  ) {
    this.id = anId(number)
    this.address = `10.0.1.${number}:4433`
    this.transport = net.network.transport(this.id, { address: this.address })
  }

  /** Dials a device and opens the control stream; says nothing yet. */
  async dial(device: TestDevice, options: { read?: boolean } = {}): Promise<this> {
    const connection = await this.net.complete(this.transport.connect({ id: device.id, direct: [device.address] }))
    return this.#use(connection, await connection.openStream(), options)
  }

  /** Waits for a device to dial, and for its control stream. */
  async answer(): Promise<this> {
    const connection = await this.net.complete(this.transport.accept())
    const control = await this.net.complete(connection!.acceptStream())
    return this.#use(connection!, control!, {})
  }

  #use(connection: Connection, control: ByteStream, options: { read?: boolean }): this {
    this.connection = connection
    this.control = control
    this.closed = null
    void connection.closed.then((reason) => (this.closed = reason))
    if (options.read ?? true) void this.#listen(control).catch(() => undefined)
    return this
  }

  async #listen(control: ByteStream): Promise<void> {
    const frames = new FrameReader(control)
    for (let frame = await frames.frame(); frame; frame = await frames.frame()) this.heard.push(decodeMessage(frame))
  }

  hello(change: Partial<Hello> = {}): Hello {
    return aHello(this.number, {
      deviceName: `raw ${this.number}`,
      ticket: encodePeerAddress({ id: this.id, direct: [this.address] }),
      ...change,
    })
  }

  /** Sends messages, or bytes as they are. */
  async send(...messages: (SendableMessage | Uint8Array)[]): Promise<void> {
    for (const message of messages) {
      const bytes = message instanceof Uint8Array ? message : encodeFrame(encodeMessage(message))
      const written = this.control.write(bytes)
      await (bytes.length < 50_000 ? written : this.net.complete(written)) // more than a stream takes at once
    }
    await this.net.clock.settle()
  }

  /** Dials, greets, and waits until the device opened the link. */
  async join(device: TestDevice, change: Partial<Hello> = {}): Promise<this> {
    await this.dial(device)
    await this.send({ kind: 'hello', hello: this.hello(change) })
    await this.net.until(() => this.heard.some((message) => message.kind === 'directory'), 'the device opens the link')
    return this
  }

  kinds(): string[] {
    return this.heard.map((message) => message.kind)
  }

  async isClosed(limitMs = 60_000): Promise<CloseReason> {
    await this.net.until(() => this.closed !== null, `raw peer ${this.number} is closed`, limitMs)
    return this.closed!
  }
}
