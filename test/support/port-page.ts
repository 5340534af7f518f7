/**
 * What both pages run: the first one the transport contract, with every second transport at the other side of a real port: in
 * another page, or for WebSockets in the process of the tests. Bundled with a stand-in for the test runner.
 */
import { dataChannelPort } from '../../src/adapters/port/data-channel-port.ts'
import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import { nativePort } from '../../src/adapters/port/native-port.ts'
import { webSocketPort } from '../../src/adapters/port/web-socket-port.ts'
import { whenOpen } from '../../src/adapters/port/when-open.ts'
import type { EndpointId, Transport } from '../../src/ports/transport.ts'
import { transportContract } from '../contracts/transport.contract.ts'
import { RemoteTransports, serveTransports } from './port-remote.ts'
import { PortSide } from './port-side.ts'
import { tests } from './port-vitest.ts'

export type PortKind = 'port' | 'channel' | 'socket'

/** What one page posts to the other. */
type Word =
  | { readonly kind: 'wire' }
  | { readonly kind: 'port'; readonly address: string }
  | { readonly kind: 'offer'; readonly n: number; readonly address: string; readonly sdp: string }
  | { readonly kind: 'answer'; readonly n: number; readonly sdp: string }

/** One page beside another one. */
class Page {
  readonly side: PortSide
  readonly #other: Window
  readonly #answers = new Map<number, (sdp: string) => void>()
  #n = 0

  constructor(kind: PortKind, other: Window) {
    this.#other = other
    this.side = new PortSide((address) => (kind === 'port' ? this.#dialPort(address) : this.#dialChannel(address)))
    addEventListener('message', ({ data, source, ports }: MessageEvent<Word>) => {
      if (source === other) this.#hear(data, ports)
    })
  }

  post(word: Word, ports: readonly MessagePort[] = []): void {
    this.#other.postMessage(word, '*', [...ports])
  }

  #hear(word: Word, ports: readonly MessagePort[]): void {
    switch (word.kind) {
      case 'wire':
        return void serveTransports(nativePort(ports[0]!), this.side)
      case 'port':
        return this.side.take(word.address, nativePort(ports[0]!))
      case 'offer':
        return void this.#answer(word.n, word.address, word.sdp)
      case 'answer':
        return this.#answers.get(word.n)!(word.sdp)
    }
  }

  #dialPort(address: string): Promise<MessagePortLike> {
    const { port1, port2 } = new MessageChannel()
    this.post({ kind: 'port', address }, [port2])
    return Promise.resolve(nativePort(port1))
  }

  async #dialChannel(address: string): Promise<MessagePortLike> {
    const connection = new RTCPeerConnection()
    const channel = connection.createDataChannel('tandem')
    await connection.setLocalDescription(await connection.createOffer())
    const n = ++this.#n
    const answered = new Promise<string>((resolve) => this.#answers.set(n, resolve))
    this.post({ kind: 'offer', n, address, sdp: await gathered(connection) })
    await connection.setRemoteDescription({ type: 'answer', sdp: await answered })
    return dataChannelPort(await whenOpen(channel), connection)
  }

  async #answer(n: number, address: string, sdp: string): Promise<void> {
    const connection = new RTCPeerConnection()
    connection.ondatachannel = ({ channel }) => this.side.take(address, dataChannelPort(channel, connection))
    await connection.setRemoteDescription({ type: 'offer', sdp })
    await connection.setLocalDescription(await connection.createAnswer())
    this.post({ kind: 'answer', n, sdp: await gathered(connection) })
  }
}

/** The description with every address in it: there is nothing to wait for on a loopback. */
async function gathered(connection: RTCPeerConnection): Promise<string> {
  if (connection.iceGatheringState !== 'complete')
    await new Promise<void>((resolve) => {
      connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve()
    })
  return connection.localDescription!.sdp
}

/** The transports here and those elsewhere. */
interface Sides {
  readonly side: PortSide
  readonly remote: RemoteTransports
}

async function besidePage(kind: PortKind): Promise<Sides> {
  const other = window.open(`/?${kind}`)!
  await new Promise((resolve) => addEventListener('message', resolve, { once: true }))
  const page = new Page(kind, other)
  const { port1, port2 } = new MessageChannel()
  page.post({ kind: 'wire' }, [port2])
  return { side: page.side, remote: new RemoteTransports(nativePort(port1)) }
}

/** The other side dials us by telling us where it waits. */
async function besideProcess(wireUrl: string): Promise<Sides> {
  const openSocket = async (url: string) => webSocketPort(await whenOpen(new WebSocket(url)))
  const side: PortSide = new PortSide(async (address) => openSocket((await remote.call('expect', address)) as string))
  const remote: RemoteTransports = new RemoteTransports(await openSocket(wireUrl), (_, value) => {
    const { address, url } = value as { address: string; url: string }
    void openSocket(url).then((port) => side.take(address, port))
  })
  return { side, remote }
}

let sides: Sides

function collect(): string[] {
  transportContract('here', () => {
    let count = 0
    const openNext = (): Promise<Transport> => {
      const name = `port:${++count}`
      return count % 2 === 1 ? sides.side.open(name) : sides.remote.open(name)
    }
    return {
      open: openNext,
      silentAddress: () => Promise.resolve({ id: '9'.repeat(64) as EndpointId, direct: ['port:silent'] }),
      cut: () => sides.side.cut(),
      dispose: async () => void (await Promise.all([sides.side.dispose(), sides.remote.dispose()])),
    }
  })
  return tests.map(({ title }) => title)
}

const portPage = {
  async start(kind: PortKind, wireUrl: string): Promise<void> {
    sides = kind === 'socket' ? await besideProcess(wireUrl) : await besidePage(kind)
  },
  collect,
  /** Null when it passed, else what went wrong. */
  async run(title: string): Promise<string | null> {
    try {
      await tests.find((test) => test.title === title)!.run()
      return null
    } catch (error) {
      return error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
  },
}
export type PortPage = typeof portPage
Object.assign(globalThis, { portPage })

if (window.opener) {
  new Page(location.search.slice(1) as PortKind, window.opener as Window)
  ;(window.opener as Window).postMessage({ kind: 'ready' }, '*')
}
