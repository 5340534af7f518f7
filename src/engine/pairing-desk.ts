import { Invitations } from '../peers/invitations.ts'
import type { PairingRole } from '../peers/pairing-proof.ts'
import { INVITATION_MS, SECRET_BYTES, type PairingOffer } from '../peers/pairing-link.ts'
import type { Clock } from '../ports/clock.ts'
import type { PeerRecord } from '../ports/data-store.ts'
import { PairingError, TransportError } from '../ports/errors.ts'
import type { Random } from '../ports/random.ts'
import type { CloseReason, EndpointId, PeerAddress } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import { cleanText, type Hello, type ShareName } from '../protocol/messages.ts'
import type { Link } from './link.ts'
import { PairingSession, type PairingHost, type PairingQuestion } from './pairing-session.ts'
import { closeSentence } from './peer-fault.ts'

export interface PairingDeskOptions {
  readonly self: EndpointId
  readonly clock: Clock
  readonly random: Random
  readonly deviceName: string
  readonly address: () => PeerAddress
  /** P3: shows the code and asks. */
  readonly confirm: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>
  /** Stores the other device. @throws PairingError `self`, `too-many-peers`. */
  readonly store: (link: Link, hello: Hello, knownAddress: PeerAddress | undefined) => Promise<void>
  /** The link may open; gives the stored record. */
  readonly paired: (link: Link, role: PairingRole) => PeerRecord
  readonly failed: (link: Link, role: PairingRole, error: PairingError | TransportError) => void
}

/** An invitation that waits for somebody to use it. */
interface Waiting {
  readonly secret: Uint8Array
  resolve(record: PeerRecord): void
  reject(error: unknown): void
}

interface Joining {
  readonly offer: PairingOffer
  resolve(record: PeerRecord): void
  reject(error: unknown): void
}

/** The invitations that are open, the links that are followed, and the pairings that run on links (P1–P3). */
export class PairingDesk implements PairingHost {
  readonly self: EndpointId
  readonly #o: PairingDeskOptions
  readonly #invitations = new Invitations()
  readonly #sessions = new Map<Link, PairingSession>()
  readonly #joining = new Map<Link, Joining>()
  readonly #waiting = new Set<Waiting>()

  constructor(options: PairingDeskOptions) {
    this.#o = options
    this.self = options.self
  }

  /** Opens an invitation. `paired` resolves when a device used it; it rejects when cancelled or expired. */
  invite(share: ShareName): { offer: PairingOffer; paired: Promise<PeerRecord>; cancel(): void } {
    const { clock, random, deviceName } = this.#o
    const secret = random.bytes(SECRET_BYTES)
    this.#invitations.add(secret, share, clock.now() + INVITATION_MS)
    let waiting!: Waiting
    const paired = new Promise<PeerRecord>((resolve, reject) => (waiting = { secret, resolve, reject }))
    this.#waiting.add(waiting)
    const end = (error: PairingError) => {
      cancelExpiry()
      this.#invitations.cancel(secret)
      if (this.#waiting.delete(waiting)) waiting.reject(error)
    }
    const cancelExpiry = clock.after(INVITATION_MS, () =>
      end(
        new PairingError(
          'expired',
          'Nobody used the link within ten minutes, so it is no longer valid. Make a new one.',
        ),
      ),
    )
    paired.then(cancelExpiry, cancelExpiry)
    return {
      offer: { address: this.#o.address(), secret, share, name: deviceName },
      paired,
      cancel: () => end(new PairingError('declined', 'The invitation was cancelled.')),
    }
  }

  /** Follows a pairing link over a connection that was dialled for it. @throws PairingError, TransportError. */
  join(link: Link, offer: PairingOffer, signal: AbortSignal): Promise<PeerRecord> {
    const giveUp = () => {
      this.#joining.get(link)?.reject(new PairingError('declined', 'The pairing was cancelled on this device.'))
      this.#joining.delete(link)
      void link.leave('disconnect', CLOSE.disconnect)
    }
    const joined = new Promise<PeerRecord>((resolve, reject) => this.#joining.set(link, { offer, resolve, reject }))
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    return joined.finally(() => signal.removeEventListener('abort', giveUp))
  }

  /** Whether this greeting begins a pairing; then it has begun. */
  begin(link: Link, hello: Hello): boolean {
    const joining = this.#joining.get(link)
    if (!joining && !(hello.pairing && this.openSecrets(link.remoteId).length)) return false
    const session = new PairingSession(link, hello, joining ? 'joiner' : 'inviter', joining?.offer.secret ?? null, this)
    this.#sessions.set(link, session)
    session.start()
    return true
  }

  onMessage(link: Link, message: Parameters<PairingSession['onMessage']>[0]): void {
    const session = this.#sessions.get(link)
    if (session) session.onMessage(message)
    else link.close(CLOSE.protocol, 'a pairing message without a pairing')
  }

  linkClosed(link: Link, reason: CloseReason): void {
    const failure = pairingFailure(link, reason)
    this.#sessions.get(link)?.cancel(failure)
    this.#sessions.delete(link)
    this.#joining.get(link)?.reject(failure)
    this.#joining.delete(link)
  }

  /** Nobody can use what is open any more. */
  stop(): void {
    for (const waiting of this.#waiting) {
      this.#invitations.cancel(waiting.secret)
      waiting.reject(new PairingError('declined', 'Tandem is stopping.'))
    }
    this.#waiting.clear()
  }

  // ---- PairingHost

  openSecrets(device: EndpointId): readonly Uint8Array[] {
    return this.#invitations.openFor(device, this.#o.clock.now())
  }

  confirm(question: PairingQuestion, signal: AbortSignal): Promise<boolean> {
    return this.#o.confirm(question, signal)
  }

  async store(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array): Promise<void> {
    if (role === 'inviter') this.#use(secret, link.remoteId)
    await this.#o.store(link, hello, this.#joining.get(link)?.offer.address)
  }

  /** Two devices may have proved the same secret, and people took their time to answer: the first to be stored has it (P1). */
  #use(secret: Uint8Array, device: EndpointId): void {
    const usedBy = this.#invitations.find(secret)?.usedBy
    if (usedBy === undefined) throw new PairingError('expired', 'The invitation has ended meanwhile. Make a new link.')
    if (usedBy !== null && usedBy !== device)
      throw new PairingError('used', 'Another device has used this link meanwhile. Make a new one.')
    this.#invitations.markUsed(secret, device)
  }

  paired(link: Link, role: PairingRole): void {
    this.#sessions.delete(link)
    const record = this.#o.paired(link, role)
    this.#joining.get(link)?.resolve(record)
    this.#joining.delete(link)
    for (const waiting of this.#waiting) {
      if (this.#invitations.find(waiting.secret)?.usedBy !== link.remoteId) continue
      this.#waiting.delete(waiting)
      waiting.resolve(record)
    }
  }

  failed(link: Link, role: PairingRole, error: PairingError | TransportError): void {
    this.#sessions.delete(link)
    if (role === 'inviter' && error.code === 'mismatch') this.#invitations.countFailure(this.#o.clock.now())
    this.#o.failed(link, role, error)
    this.#joining.get(link)?.reject(error)
    this.#joining.delete(link)
  }
}

/** Why a pairing ended with its link. */
function pairingFailure(link: Link, reason: CloseReason): PairingError | TransportError {
  if (reason.by === 'peer' && reason.code === CLOSE.unauthorised) {
    return new PairingError(
      'mismatch',
      `The other device did not accept this link: it was used already, has expired, or was cancelled (${cleanText(reason.reason, 200)}). Make a new one there.`,
    )
  }
  if (link.bye !== null) return new PairingError('declined', 'The pairing was cancelled on the other device.')
  return new TransportError(
    'disconnected',
    `The connection ended before the devices were paired: ${closeSentence(reason)}.`,
  )
}
