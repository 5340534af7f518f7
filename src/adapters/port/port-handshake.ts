import { TransportError } from '../../ports/errors.ts'
import type { Random } from '../../ports/random.ts'
import type { EndpointId } from '../../ports/transport.ts'
import { decodeFrame, encodeFrame, NONCE_BYTES, type Frame, type Role } from './port-frames.ts'
import { proofText, type PortIdentity, type Transcript } from './port-identity.ts'
import type { PortInbox } from './port-inbox.ts'

const VERSION = 1

export interface HandshakeOptions {
  readonly inbox: PortInbox
  readonly identity: PortIdentity
  /** Fit for secrets. */
  readonly random: Random
}

/**
 * The dialler's part: hello, their hello, our proof, their proof. Both have proven themselves when it resolves (L2).
 * The port stays the caller's to close. @throws TransportError `unreachable`.
 */
export async function greet(options: HandshakeOptions, expected: EndpointId): Promise<void> {
  const { inbox, identity } = options
  const nonce = sayHello(options, 'dialer')
  const theirs = await hear(inbox, 'hello')
  checkHello(theirs, 'acceptor')
  if (theirs.id !== expected) throw unreachable('Another device answers at this address.')
  const transcript = transcriptOf(options, theirs, nonce)
  inbox.expectMore()
  await prove(options, 'dialer', transcript)
  const { signature } = await hear(inbox, 'proof')
  if (!(await identity.verify(expected, proofText('acceptor', transcript), signature)))
    throw unreachable('Whoever answers at this address is not that device.')
}

/** The acceptor's part; proves itself only to who has. Resolves with the proven id. @throws TransportError `unreachable`. */
export async function welcome(options: HandshakeOptions): Promise<EndpointId> {
  const { inbox, identity } = options
  const theirs = await hear(inbox, 'hello')
  checkHello(theirs, 'dialer')
  if (theirs.id === identity.id) throw unreachable('This is this device itself.')
  const transcript = transcriptOf(options, theirs, sayHello(options, 'acceptor'))
  const { signature } = await hear(inbox, 'proof')
  if (!(await identity.verify(theirs.id, proofText('dialer', transcript), signature)))
    throw unreachable('The device did not prove who it is.')
  inbox.expectMore()
  await prove(options, 'acceptor', transcript)
  return theirs.id
}

function sayHello({ inbox, identity, random }: HandshakeOptions, role: Role): Uint8Array {
  const nonce = random.bytes(NONCE_BYTES)
  post(inbox, { type: 'hello', version: VERSION, role, id: identity.id, nonce })
  return nonce
}

async function prove({ inbox, identity }: HandshakeOptions, role: Role, transcript: Transcript): Promise<void> {
  post(inbox, { type: 'proof', signature: await identity.sign(proofText(role, transcript)) })
}

function transcriptOf(
  { inbox, identity }: HandshakeOptions,
  theirs: Frame & { type: 'hello' },
  ourNonce: Uint8Array,
): Transcript {
  const binding = inbox.port.channelBinding?.() ?? new Uint8Array(0)
  const [ours, nonce] = [identity.id, theirs.nonce]
  return theirs.role === 'acceptor'
    ? { dialer: ours, acceptor: theirs.id, dialerNonce: ourNonce, acceptorNonce: nonce, binding }
    : { dialer: theirs.id, acceptor: ours, dialerNonce: nonce, acceptorNonce: ourNonce, binding }
}

function checkHello(hello: Frame & { type: 'hello' }, role: Role): void {
  if (hello.version !== VERSION) throw unreachable('The device speaks another version of this connection.')
  if (hello.role !== role) throw unreachable('Both sides of this connection take themselves for the same one.')
}

async function hear<Type extends Frame['type']>(inbox: PortInbox, type: Type): Promise<Frame & { type: Type }> {
  const message = await inbox.next()
  if (!message) throw unreachable('The connection ended before it was made.')
  const frame = decodeFrame(message)
  if (frame?.type !== type) throw unreachable('Something else than a device answers at this address.')
  return frame as Frame & { type: Type }
}

function post(inbox: PortInbox, frame: Frame): void {
  try {
    inbox.port.postMessage(encodeFrame(frame))
  } catch (cause) {
    throw new TransportError('unreachable', 'The connection ended before it was made.', {}, { cause })
  }
}

function unreachable(message: string): TransportError {
  return new TransportError('unreachable', message)
}
