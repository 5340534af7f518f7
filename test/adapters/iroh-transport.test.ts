import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { NUMBERS, TYPED, detectByteForm } from '../../src/adapters/iroh/iroh-bytes.ts'
import {
  connectError,
  irohMessage,
  isAddressMissing,
  isPortTaken,
  parseCloseReason,
  streamError,
} from '../../src/adapters/iroh/iroh-errors.ts'
import { endpointIdOf } from '../../src/adapters/iroh/iroh-keys.ts'
import { isLocalSocket, reachableAddresses, type Interfaces } from '../../src/adapters/iroh/local-addresses.ts'
import { loadIroh } from '../../src/adapters/iroh/native-binding.ts'
import { decodeTicket, encodeTicket } from '../../src/adapters/iroh/ticket.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { isEndpointId } from '../../src/ports/transport.ts'
import { TransportError } from '../../src/ports/errors.ts'
import { failureOf, pattern, readAll, readExactly, same, transportContract } from '../contracts/transport.contract.ts'
import { aSecretKey, IrohEndpoints } from '../support/iroh-endpoints.ts'

transportContract('an Iroh endpoint', () => {
  const endpoints = new IrohEndpoints()
  return {
    open: () => endpoints.open(),
    silentAddress: () => endpoints.silentAddress(),
    // What the network itself does when a process dies is in iroh-process.test.ts: it takes 35 s.
    cut: (writer) => writer.close(9, 'cut'),
    dispose: () => endpoints.dispose(),
  }
})

const endpoints = new IrohEndpoints()
afterEach(() => endpoints.dispose())

async function connected() {
  const [a, b] = [await endpoints.open(), await endpoints.open()]
  const [dialer, acceptor] = await Promise.all([a.connect(b.address()), b.accept()])
  return { a, b, dialer, acceptor: acceptor! }
}

describe('an Iroh endpoint', () => {
  it('has the id of its secret key, the same each time', async () => {
    const secretKey = aSecretKey()
    const transport = await endpoints.open({ secretKey })
    expect(transport.id).toBe(endpointIdOf(secretKey))
    expect(isEndpointId(transport.id)).toBe(true)
  })

  it('bound to loopback is reachable there only, on IPv6 as well', async () => {
    const transport = await endpoints.open()
    expect(transport.boundSockets().every((socket) => /^(127\.0\.0\.1|\[::1\]):\d+$/.test(socket))).toBe(true)
    expect(transport.address().direct).toEqual(transport.boundSockets())
  })

  it('takes another port when the one asked for is in use, and says so', async () => {
    const first = await endpoints.open()
    const taken = first.boundSockets().find((socket) => socket.startsWith('127.'))!
    const warnings: string[] = []
    const second = await endpoints.open({ bind: { ipv4: taken }, onWarning: (message) => warnings.push(message) })
    expect(second.boundSockets()).not.toContain(taken)
    expect(warnings).toEqual([expect.stringContaining(taken)])
    expect((await second.connect(first.address())).remoteId).toBe(first.id)
  })

  it('cannot be bound to an address that is not here', async () => {
    expect((await failureOf(endpoints.open({ bind: { ipv4: '192.0.2.1:0' } }))).code).toBe('bind-failed')
    expect((await failureOf(endpoints.open({ bind: { ipv4: 'nonsense' } }))).code).toBe('bind-failed')
    expect((await failureOf(endpoints.open({ relay: ['not a url'] }))).code).toBe('bind-failed')
  })

  it('gives up a dial after 30 s of its own clock', async () => {
    const delays: number[] = []
    let expire = (): void => {}
    const clock = {
      ...systemClock,
      after: (ms: number, then: () => void) => {
        delays.push(ms)
        expire = then
        return () => {}
      },
    }
    const a = await endpoints.open({ clock })
    const dial = failureOf(a.connect(await endpoints.silentAddress()))
    expire()
    expect((await dial).code).toBe('timeout')
    expect(delays).toEqual([30_000])
  })

  it('closes a connection that comes about after its dial was given up', async () => {
    const [a, b] = [await endpoints.open(), await endpoints.open()]
    const abort = new AbortController()
    const dial = failureOf(a.connect(b.address(), abort.signal))
    abort.abort()
    expect((await dial).code).toBe('aborted')
    expect((await (await b.accept())!.closed).by).toBe('peer')
  })

  it('does not answer another protocol', async () => {
    const [a, b] = [await endpoints.open({ alpn: 'other/1' }), await endpoints.open()]
    expect((await failureOf(a.connect(b.address()))).code).toBe('unreachable')
    const c = await endpoints.open()
    const [dialer, acceptor] = await Promise.all([c.connect(b.address()), b.accept()])
    expect([dialer.remoteId, acceptor!.remoteId]).toEqual([b.id, c.id])
  })

  it('turns away the 65th connection that nobody took, as busy', async () => {
    const [a, b] = [await endpoints.open(), await endpoints.open()]
    const connections = []
    while (connections.length < 64) connections.push(await a.connect(b.address()))
    const last = await a.connect(b.address())
    expect(await last.closed).toEqual({ by: 'peer', code: 4008, reason: 'busy' })
    expect((await b.accept())!.remoteId).toBe(a.id)
  })

  it('tells the path of a connection', async () => {
    const { dialer, b } = await connected()
    expect(dialer.paths()[0]).toMatchObject({ kind: 'local', address: expect.any(String) as string })
    expect(b.boundSockets()).toContain(dialer.paths()[0]!.address)
  })

  it('cuts a close reason after 200 bytes, not inside a letter', async () => {
    const { dialer, acceptor } = await connected()
    dialer.close(1, `x${'ü'.repeat(150)}`)
    expect((await acceptor.closed).reason).toBe(`x${'ü'.repeat(99)}`)
    expect(await dialer.closed).toEqual({ by: 'us', code: 1, reason: `x${'ü'.repeat(99)}` })
  })

  it('can say goodbye on every connection without waiting', async () => {
    const { a, acceptor } = await connected()
    a.closeConnections(4, 'exit')
    expect(await acceptor.closed).toEqual({ by: 'peer', code: 4, reason: 'exit' })
  })

  it('runs 100 streams at the same time', async () => {
    const { dialer, acceptor } = await connected()
    const near = await Promise.all(Array.from({ length: 100 }, () => dialer.openStream()))
    await Promise.all(near.map((stream, i) => stream.write(Uint8Array.of(i))))
    const far = await Promise.all(near.map(() => acceptor.acceptStream()))
    const seen = await Promise.all(far.map(async (stream) => (await readExactly(stream!, 1))[0]))
    expect(seen.sort((left, right) => left! - right!)).toEqual(near.map((_, i) => i))
  })
})

describe('garbage collection', () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const collectWell = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      collect()
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  it('[T2] a stream that nobody holds any more does not end cleanly', async () => {
    const { dialer, acceptor } = await connected()
    await (async () => {
      const forgotten = await dialer.openStream()
      await forgotten.write(Uint8Array.of(1, 2, 3))
    })()
    const far = (await acceptor.acceptStream())!
    await readExactly(far, 3)
    const reading = failureOf(far.read())
    await collectWell()
    dialer.close(2, 'over')
    expect((await reading).data.code).toBe(2)
  })

  it('gives the port of a closed endpoint back', async () => {
    const { a, dialer, acceptor } = await connected()
    const ipv4 = a.boundSockets().find((socket) => socket.startsWith('127.'))!
    await a.close()
    await collectWell()
    const warnings: string[] = []
    const again = await endpoints.open({ bind: { ipv4 }, onWarning: (message) => warnings.push(message) })
    expect([again.boundSockets().includes(ipv4), warnings]).toEqual([true, []])
    expect([a.address().direct[0], a.boundSockets()[0], dialer.side, acceptor.side]).toEqual([
      ipv4,
      ipv4,
      'dialer',
      'acceptor',
    ])
  })

  it('transports and connections that nobody holds go on working', async () => {
    const far = await (async () => {
      const { dialer, acceptor } = await connected()
      const near = await dialer.openStream()
      // Answers from the other side's endpoint, which is held by nothing but itself.
      void (async () => near.write(await readExactly(near, 70_000)).then(() => near.finish()))()
      await near.write(Uint8Array.of(1))
      const stream = (await acceptor.acceptStream())!
      await readExactly(stream, 1)
      return stream
    })()
    await collectWell()
    const data = pattern(70_000, 3)
    await far.write(data)
    await collectWell()
    expect(same(await readAll(far), data)).toBe(true)
  })
})

describe('the binding', () => {
  it('is named with the platform when it cannot be loaded', () => {
    const codeOf = (work: () => unknown): unknown => {
      try {
        return work()
      } catch (error) {
        return error instanceof TransportError && { code: error.code, ...error.data }
      }
    }
    const expected = { code: 'no-native', platform: `${process.platform}-${process.arch}` }
    expect(codeOf(() => loadIroh('/nowhere/iroh.node'))).toEqual(expected)
    expect(codeOf(() => loadIroh(import.meta.filename, '0'.repeat(64)))).toEqual(expected)
  })

  it('is loaded once', () => {
    expect(loadIroh()).toBe(loadIroh())
  })

  it.each([
    ['numbers', NUMBERS],
    ['typed arrays', TYPED],
  ])('bytes survive the form of %s', (_, form) => {
    const bytes = pattern(1000, 9)
    expect(form.fromNative(form.toNative(bytes))).toEqual(bytes)
    expect(form.fromNative(form.toNative(bytes, 10, 20))).toEqual(bytes.slice(10, 20))
  })

  it('is asked which form it takes', () => {
    const iroh = loadIroh()
    const takesTyped = { SecretKey: { fromBytes: (bytes: unknown) => bytes } } as unknown as typeof iroh
    expect(detectByteForm(takesTyped)).toBe(TYPED)
    const form = detectByteForm(iroh)
    expect(iroh.SecretKey.fromBytes(form.toNative(new Uint8Array(32))).toBytes()).toHaveLength(32)
  })

  it('makes and reads tickets of Iroh', () => {
    const address = {
      id: endpointIdOf(aSecretKey()),
      direct: ['10.0.0.1:80', '[2001:db8::1]:81'],
      relay: 'https://r.example.org/',
    }
    const ticket = encodeTicket(address)
    expect(ticket).toMatch(/^endpoint[a-z2-7]+$/)
    expect(decodeTicket(` ${ticket}\n`)).toEqual(address)
    for (const text of ['', 'endpoint', ticket.slice(0, -3), 'x'.repeat(5000)]) {
      expect(() => decodeTicket(text)).toThrow(expect.objectContaining({ code: 'bad-ticket' }))
    }
    expect(() => encodeTicket({ id: address.id, direct: ['host:1'] })).toThrow(
      expect.objectContaining({ code: 'bad-ticket' }),
    )
  })
})

describe('error texts of the binding', () => {
  const withTrace = (text: string): Error =>
    new Error(`${text}\n\nStack backtrace:\n   0: <anyhow::Error>::msg\n   1: x`)

  it('are read without the backtrace', () => {
    expect(irohMessage(withTrace('Failed to bind sockets\nCaused by:\n    Address already in use (os error 98)'))).toBe(
      'Failed to bind sockets Caused by: Address already in use (os error 98)',
    )
  })

  it.each([
    ['Reset(7)', 'reset', { code: 7 }],
    ['Stopped(9)', 'reset', { code: 9 }],
    ['ClosedStream', 'closed', {}],
    ['ClosedStream { _private: () }', 'closed', {}],
    ['ConnectionLost(TimedOut)', 'disconnected', { by: 'network' }],
    ['ConnectionLost(LocallyClosed)', 'disconnected', { by: 'us' }],
    ['ConnectionLost(Reset)', 'disconnected', { by: 'network' }],
    [
      'ConnectionLost(ApplicationClosed(ApplicationClose { error_code: 5, reason: b"Reset(7)" }))',
      'disconnected',
      { by: 'peer', code: 5 },
    ],
    ['something new', 'disconnected', { by: 'network' }],
  ])('%s on a stream is %s', (text, code, data) => {
    expect(streamError(withTrace(text))).toMatchObject({ code, data })
  })

  it.each([
    ['timed out', 'timeout'],
    ['closed', 'closed'],
    ['Endpoint is closed', 'closed'],
    ['the cryptographic handshake failed: error 48: invalid peer certificate: UnknownIssuer', 'unreachable'],
    ['aborted by peer: the server refused to accept a new connection', 'unreachable'],
    ['No addressing information available', 'unreachable'],
  ])('%s on connecting is %s', (text, code) => {
    expect(connectError(withTrace(text)).code).toBe(code)
  })

  it('[L10] reach people as plain sentences, without the names and files of Rust', () => {
    const rust =
      'ConnectError::Connecting (/root/.cargo/registry/src/iroh-1.0.2/src/endpoint.rs:1060:20) Caused by: aborted by peer'
    for (const error of [
      connectError(withTrace(rust)),
      connectError(withTrace('something new (src/new.rs:1:1)')),
      streamError(withTrace('ConnectionLost(LocallyClosed)')),
      streamError(withTrace('ConnectionLost(ApplicationClosed(ApplicationClose { error_code: 5, reason: b"x" }))')),
    ]) {
      expect(error.message).toMatch(/^[A-Z][^:(){}]+\.$/)
      expect((error.cause as Error).message).not.toBe('') // for whoever looks into it
    }
  })

  it.each([
    ['closed by peer: why (code 5)', { by: 'peer', code: 5, reason: 'why' }],
    ['closed by peer: a (code 1) b\n (code 4001)', { by: 'peer', code: 4001, reason: 'a (code 1) b\n' }],
    ['closed by peer: 0', { by: 'peer', code: 0, reason: '' }],
    ['closed', { by: 'us', reason: '' }],
    ['timed out', { by: 'network', reason: 'timed out' }],
    [
      'aborted by peer: the cryptographic handshake failed',
      { by: 'network', reason: 'aborted by peer: the cryptographic handshake failed' },
    ],
  ])('%j is read as a close reason', (text, reason) => {
    expect(parseCloseReason(text)).toEqual(reason)
  })

  it('tell a port that is taken from an address that is not there', () => {
    expect([98, 48, 10048, 13, 99].map((code) => isPortTaken(new Error(`x (os error ${code})`)))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ])
    expect([97, 99, 10049, 98].map((code) => isAddressMissing(new Error(`x (os error ${code})`)))).toEqual([
      true,
      true,
      true,
      false,
    ])
  })
})

describe('addresses of this machine', () => {
  const anInterface = (address: string, internal = false) => {
    const family = address.includes(':') ? 'IPv6' : 'IPv4'
    return { address, internal, family, netmask: '', mac: '', cidr: null, scopeid: 0 } as NonNullable<
      Interfaces[string]
    >[number]
  }
  const interfaces: Interfaces = {
    lo: [anInterface('127.0.0.1', true), anInterface('::1', true)],
    eth0: [anInterface('2001:db8::5'), anInterface('192.168.1.5'), anInterface('fe80::1')],
    wlan0: [anInterface('10.0.0.5')],
  }

  it('stand for a socket bound to all of them, without loopback and link-local', () => {
    expect(reachableAddresses(['[::]:81', '0.0.0.0:80'], interfaces)).toEqual([
      '192.168.1.5:80',
      '10.0.0.5:80',
      '[2001:db8::5]:81',
    ])
  })

  it('are not asked for a socket bound to one', () => {
    expect(reachableAddresses(['127.0.0.1:80', '[::1]:81', '0.0.0.0:0'], interfaces)).toEqual([
      '127.0.0.1:80',
      '[::1]:81',
    ])
  })

  it.each([
    ['127.0.0.1:1', true],
    ['10.9.9.9:1', true],
    ['172.16.0.1:1', true],
    ['172.32.0.1:1', false],
    ['192.168.0.1:1', true],
    ['169.254.1.1:1', true],
    ['8.8.8.8:1', false],
    ['[::1]:1', true],
    ['[fd00::1]:1', true],
    ['[fe80::1]:1', true],
    ['[2001:db8::1]:1', false],
    ['https://relay.example.org/', false],
  ])('%s is local: %s', (socket, local) => {
    expect(isLocalSocket(socket)).toBe(local)
  })
})
