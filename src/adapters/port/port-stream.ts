import { TransportError } from '../../ports/errors.ts'
import type { ByteStream } from '../../ports/transport.ts'
import { IncomingHalf } from './incoming-half.ts'
import { OutgoingHalf } from './outgoing-half.ts'
import type { StreamFrame } from './port-frames.ts'
import type { SendWindow } from './send-window.ts'

const DEFAULT_READ = 64 * 1024

export interface StreamHost {
  readonly window: SendWindow
  post(frame: StreamFrame): void
  /** The stream may be over now, here or on the port. */
  onChange(stream: PortStream): void
}

/** One side of a stream on a port. The other side hears of it with the first thing that we do on it. */
export class PortStream implements ByteStream {
  readonly id: number
  readonly #host: StreamHost
  readonly #out: OutgoingHalf
  readonly #in: IncomingHalf
  #known: boolean
  /** The other side needs it no longer; only of streams that we opened. */
  released = false

  /** `known`: the other side opened it. */
  constructor(id: number, known: boolean, host: StreamHost) {
    this.id = id
    this.#known = known
    this.#host = host
    const send = (type: 'finish' | 'reset' | 'finished' | 'stop'): void => this.#post({ type, stream: id })
    const onChange = (): void => host.onChange(this)
    const sendData = (payload: Uint8Array): void => this.#post({ type: 'data', stream: id, payload })
    this.#out = new OutgoingHalf({ window: host.window, sendData, send, onChange })
    this.#in = new IncomingHalf({
      sendCredit: (cost) => this.#post({ type: 'credit', stream: id, cost }),
      send,
      onChange,
    })
  }

  /** This side ended both halves, as the port asks of it. */
  get userOver(): boolean {
    return this.#out.userOver && this.#in.userOver
  }

  /** Both sides have said their last word on it. */
  get portOver(): boolean {
    return this.#out.portOver && this.#in.portOver
  }

  read(max = DEFAULT_READ): Promise<Uint8Array | null> {
    return this.#in.read(max)
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#out.write(bytes)
  }

  finish(): Promise<void> {
    return this.#out.finish()
  }

  abort(): void {
    const fault = new TransportError('aborted', 'This stream was given up here.')
    this.#out.abort(fault)
    this.#in.abort(fault)
  }

  /** The connection ended: what arrived can still be read. */
  fail(fault: TransportError): void {
    this.#out.fail(fault)
    this.#in.fail(fault, false)
  }

  /** False when the frame breaks the protocol. */
  receive(frame: Exclude<StreamFrame, { type: 'open' | 'release' }>): boolean {
    switch (frame.type) {
      case 'data':
        return this.#in.onData(frame.payload)
      case 'finish':
        return this.#in.onFinish()
      case 'reset':
        return this.#in.onReset()
      case 'credit':
        return this.#out.onCredit(frame.cost)
      case 'stop':
        return this.#out.onStop()
      case 'finished':
        return this.#out.onFinished()
    }
  }

  #post(frame: StreamFrame): void {
    if (!this.#known) {
      this.#known = true
      this.#host.post({ type: 'open', stream: this.id })
    }
    this.#host.post(frame)
  }
}
