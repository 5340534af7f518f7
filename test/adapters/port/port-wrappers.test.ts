import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { bytesOf, type MessagePortLike } from '../../../src/adapters/port/message-port-like.ts'
import { nativePort } from '../../../src/adapters/port/native-port.ts'
import { webSocketPort } from '../../../src/adapters/port/web-socket-port.ts'
import { whenOpen } from '../../../src/adapters/port/when-open.ts'
import { failureOf } from '../../contracts/transport.contract.ts'
import { SocketServer } from '../../support/port-sockets.ts'

const servers: SocketServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})
function aServer(): SocketServer {
  const server = new SocketServer()
  servers.push(server)
  return server
}

/** What a port brings, and the moment in which it is gone. */
function hear(port: MessagePortLike): { messages: unknown[]; gone: Promise<void> } {
  const messages: unknown[] = []
  const gone = new Promise<void>((resolve) => {
    port.listen({ message: (data) => void messages.push(data), gone: resolve })
  })
  return { messages, gone }
}

describe('[T8] the bytes of a message', () => {
  it('are a whole buffer, and nothing else', () => {
    const bytes = Uint8Array.of(1, 2, 3)
    expect(bytesOf(bytes)).toEqual(bytes)
    expect(bytesOf(bytes.buffer)).toEqual(bytes)
    for (const other of ['text', 1, null, undefined, {}, new Blob([bytes]), bytes.subarray(1)]) {
      expect(bytesOf(other)).toBeNull()
    }
    const shared = new SharedArrayBuffer(3)
    expect([bytesOf(shared), bytesOf(new Uint8Array(shared))]).toEqual([null, null])
  })
})

describe('a MessagePort', () => {
  it('tells the other side that it closed, after what it said before', async () => {
    const { port1, port2 } = new MessageChannel()
    const [near, far] = [nativePort(port1), nativePort(port2)]
    const [here, there] = [hear(near), hear(far)]
    near.postMessage(Uint8Array.of(1))
    near.close()
    near.close()
    await Promise.all([here.gone, there.gone])
    expect(there.messages.map(bytesOf)).toEqual([Uint8Array.of(1)])
  })

  it('is gone for who listens too late', async () => {
    const { port1 } = new MessageChannel()
    const port = nativePort(port1)
    port.close()
    await new Promise((resolve) => setImmediate(resolve))
    await hear(port).gone
  })
})

describe('a WebSocket', () => {
  it('brings text as text, for its user to refuse, and closes on a message beyond what the server takes', async () => {
    const server = aServer()
    let far: { messages: unknown[]; gone: Promise<void> } | undefined
    const socket = await whenOpen(new WebSocket(await server.expect((port) => (far = hear(port)))))
    const near = hear(webSocketPort(socket))
    socket.send('text')
    socket.send(new Uint8Array(64 * 1024 + 1))
    await Promise.all([near.gone, far!.gone])
    expect(far!.messages).toEqual(['text'])
  })

  it('that nobody answers is unreachable', async () => {
    const server = aServer()
    const url = await server.expect(() => undefined)
    await server.close()
    servers.length = 0
    expect((await failureOf(whenOpen(new WebSocket(url)))).code).toBe('unreachable')
  })

  it('that is not open yet ends with the signal', async () => {
    const url = await aServer().expect(() => undefined)
    const abort = new AbortController()
    const socket = new WebSocket(url)
    const opening = failureOf(whenOpen(socket, abort.signal))
    abort.abort()
    expect((await opening).code).toBe('aborted')
    expect(socket.readyState).toBeGreaterThanOrEqual(WebSocket.CLOSING)
    expect((await failureOf(whenOpen(socket, abort.signal))).code).toBe('aborted')
  })
})
