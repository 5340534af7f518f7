import type { VaultListing } from '../history/compare-vaults.ts'
import { Invitations } from '../peers/invitations.ts'
import { addressesOf, FailedAttempts } from '../peers/pairing-attempts.ts'
import { equalBytes, type PairingRole } from '../peers/pairing-proof.ts'
import { INVITATION_MS, SECRET_BYTES, type PairingOffer } from '../peers/pairing-link.ts'
import type { Clock } from '../ports/clock.ts'
import type { PeerRecord } from '../ports/data-store.ts'
import { PairingError, TransportError } from '../ports/errors.ts'
import type { Random } from '../ports/random.ts'
import type { Grant } from '../ports/share-record.ts'
import type { CloseReason, EndpointId, PeerAddress } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import { cleanText, type Hello, type PairingMessage, type ShareName } from '../protocol/messages.ts'
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
  /** E9: the files of a share as they are now, for the comparison; none of a share that this device does not have. */
  readonly listing: (share: ShareName) => Promise<VaultListing>
  /** Stores the other device; gives what undoes that. @throws PairingError `self`, `too-many-peers`. */
  readonly store: (
    link: Link,
    hello: Hello,
    granted: Granted,
    knownAddress: PeerAddress | undefined,
  ) => Promise<() => Promise<void>>
  /** The link may open; gives the stored record. */
  readonly paired: (link: Link, role: PairingRole) => PeerRecord
  readonly failed: (link: Link, role: PairingRole, error: PairingError | TransportError) => void
}

/** What the other device gets with the pairing (S1). */
export interface Granted {
  readonly share: ShareName
  readonly grant: Grant
}

/** How an invitation differs from one to the whole vault, which a new device of the same person may write. */
export interface InvitationChoices {
  readonly grant?: Grant
  /** Of a folder share, for the other screen. */
  readonly title?: string
}

/** Pairings that others began and that are in progress at once (P2). */
const MAX_PAIRINGS = 10

/** An invitation that waits for somebody to use it. */
interface Waiting {
  readonly secret: Uint8Array
  /** It ended while its pairing was in the last step: why, unless that step succeeds. */
  ended: PairingError | null
  /** Lets its timer go. */
  stop(): void
  resolve(record: PeerRecord): void
  reject(error: unknown): void
}

interface Joining {
  readonly offer: PairingOffer
  /** E9: instead of the files of a share of that name here. */
  readonly listing: (() => Promise<VaultListing>) | undefined
  resolve(record: PeerRecord): void
  reject(error: unknown): void
}

/** The invitations that are open, the links that are followed, and the pairings that run on links (P1–P3). */
export class PairingDesk implements PairingHost {
  readonly self: EndpointId
  readonly clock: Clock
  readonly #o: PairingDeskOptions
  readonly #invitations = new Invitations()
  readonly #attempts = new FailedAttempts()
  readonly #sessions = new Map<Link, PairingSession>()
  readonly #joining = new Map<Link, Joining>()
  readonly #waiting = new Set<Waiting>()

  constructor(options: PairingDeskOptions) {
    this.#o = options
    this.self = options.self
    this.clock = options.clock
  }

  /**
   * Opens an invitation. `paired` resolves when a device used it; it rejects when cancelled or expired, and so does a pairing with it
   * that has not come to its last step. Of more than ten the oldest is cancelled.
   */
  invite(
    share: ShareName,
    { grant = 'write', title }: InvitationChoices = {},
  ): { offer: PairingOffer; paired: Promise<PeerRecord>; cancel(): void } {
    const { clock, random, deviceName } = this.#o
    const secret = random.bytes(SECRET_BYTES)
    const displaced = this.#invitations.add(secret, share, clock.now() + INVITATION_MS, grant)
    if (displaced)
      this.#endInvitation(displaced.secret, new PairingError('declined', 'A newer invitation took its place.'))
    const stop = clock.after(INVITATION_MS, () =>
      this.#endInvitation(
        secret,
        new PairingError(
          'expired',
          'The link was not used within ten minutes, so it is no longer valid. Make a new one.',
        ),
      ),
    )
    const paired = new Promise<PeerRecord>((resolve, reject) =>
      this.#waiting.add({ secret, ended: null, stop, resolve, reject }),
    )
    paired.catch(() => undefined) // nobody has to wait for it
    return {
      offer: { address: this.#o.address(), secret, share, name: deviceName, ...(title === undefined ? {} : { title }) },
      paired,
      cancel: () => this.#endInvitation(secret, new PairingError('declined', 'The invitation was cancelled.')),
    }
  }

  #endInvitation(secret: Uint8Array, error: PairingError): void {
    const waiting = this.#takeWaiting(secret, error)
    if (!waiting) return
    this.#invitations.cancel(secret)
    for (const session of [...this.#sessions.values()]) {
      if (session.role !== 'inviter' || !session.secret || !equalBytes(session.secret, secret)) continue
      if (error.code === 'expired') session.refuse(error)
      else session.cancel()
    }
    waiting.reject(error)
  }

  /** Who waits for this invitation, for the last time; null while a pairing with it is in its last step, which decides. */
  #takeWaiting(secret: Uint8Array, error: PairingError): Waiting | null {
    const waiting = [...this.#waiting].find((w) => equalBytes(w.secret, secret))
    if (!waiting) return null
    for (const session of this.#sessions.values())
      if (session.role === 'inviter' && session.isStoring && equalBytes(session.secret!, secret)) {
        waiting.ended = error
        return null
      }
    waiting.stop()
    this.#waiting.delete(waiting)
    return waiting
  }

  /** Follows a pairing link over a connection that was dialled for it. @throws PairingError, TransportError. */
  join(
    link: Link,
    offer: PairingOffer,
    signal: AbortSignal,
    listing?: () => Promise<VaultListing>,
  ): Promise<PeerRecord> {
    const giveUp = () => {
      const session = this.#sessions.get(link)
      if (session) return session.cancel()
      this.#joining.get(link)?.reject(new PairingError('declined', 'The pairing was cancelled on this device.'))
      this.#joining.delete(link)
      void link.leave('disconnect', CLOSE.disconnect)
    }
    const joined = new Promise<PeerRecord>((resolve, reject) =>
      this.#joining.set(link, { offer, listing, resolve, reject }),
    )
    if (signal.aborted) giveUp()
    signal.addEventListener('abort', giveUp, { once: true })
    return joined.finally(() => signal.removeEventListener('abort', giveUp))
  }

  /** Whether this greeting begins a pairing; then it has begun. */
  begin(link: Link, hello: Hello): boolean {
    const joining = this.#joining.get(link)
    if (!joining && !(hello.pairing && this.openSecrets(link).length && this.#makeRoom(link))) return false
    const session = new PairingSession(link, hello, joining ? 'joiner' : 'inviter', joining?.offer.secret ?? null, this)
    this.#sessions.set(link, session)
    session.start()
    return true
  }

  /** A device has one pairing at a time: the newer ends the older, whose link may be dead. False when ten others are in progress. */
  #makeRoom(link: Link): boolean {
    const others = [...this.#sessions].filter(([, { role }]) => role === 'inviter')
    const older = others.find(([{ remoteId }]) => remoteId === link.remoteId)
    if (!older) return others.length < MAX_PAIRINGS
    const [oldLink, session] = older
    session.lost(new TransportError('disconnected', 'The other device began the pairing anew.'), false)
    oldLink.close(CLOSE.disconnect, 'a newer pairing of the same device')
    return true
  }

  onMessage(link: Link, message: PairingMessage): void {
    const session = this.#sessions.get(link)
    if (session) session.onMessage(message)
    else link.close(CLOSE.protocol, 'a pairing message without a pairing')
  }

  linkClosed(link: Link, reason: CloseReason): void {
    const session = this.#sessions.get(link)
    const failure = pairingFailure(link, reason, session?.isProven ?? false)
    session?.lost(failure, isRefusal(reason))
    this.#sessions.delete(link)
    this.#joining.get(link)?.reject(failure)
    this.#joining.delete(link)
  }

  /** Nobody can use an invitation to this share any more. */
  endShare(share: ShareName): void {
    for (const { secret } of [...this.#waiting])
      if (this.#invitations.find(secret)?.share === share)
        this.#endInvitation(secret, new PairingError('declined', 'The folder is not shared any more.'))
  }

  /** Nobody can use what is open any more. */
  stop(): void {
    for (const waiting of this.#waiting) {
      waiting.stop()
      this.#invitations.cancel(waiting.secret)
      waiting.reject(new PairingError('declined', 'Tandem is stopping.'))
    }
    this.#waiting.clear()
  }

  // ---- PairingHost

  openSecrets(link: Link): readonly Uint8Array[] {
    const now = this.clock.now()
    if (!this.#attempts.mayTry(addressesOf(link.remoteId, link.paths()), now)) return []
    return this.#invitations.openFor(link.remoteId, now)
  }

  confirm(question: PairingQuestion, signal: AbortSignal): Promise<boolean> {
    return this.#o.confirm(question, signal)
  }

  listing(link: Link, role: PairingRole, secret: Uint8Array): Promise<VaultListing> {
    const joining = role === 'joiner' ? this.#joining.get(link) : undefined
    if (joining?.listing) return joining.listing()
    const share = role === 'joiner' ? joining?.offer.share : this.#invitations.find(secret)?.share
    return share === undefined ? Promise.resolve([]) : this.#o.listing(share)
  }

  async store(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array): Promise<() => Promise<void>> {
    if (role === 'joiner') {
      const { offer } = this.#joining.get(link)!
      return this.#o.store(link, hello, { share: offer.share, grant: 'write' }, offer.address)
    }
    const { share, grant } = this.#use(secret, link.remoteId)
    try {
      const undo = await this.#o.store(link, hello, { share, grant }, undefined)
      return async () => {
        this.#invitations.markUnused(secret)
        await undo()
      }
    } catch (error) {
      this.#invitations.markUnused(secret)
      throw error
    }
  }

  /** Two devices may have proved the same secret, and people took their time to answer: the first to be stored has it (P1). */
  #use(secret: Uint8Array, device: EndpointId): Granted {
    const invitation = this.#invitations.find(secret)
    if (!invitation) throw new PairingError('expired', 'The invitation has ended meanwhile. Make a new link.')
    if (invitation.usedBy !== null && invitation.usedBy !== device)
      throw new PairingError('used', 'Another device has used this link meanwhile. Make a new one.')
    this.#invitations.markUsed(secret, device)
    return invitation
  }

  paired(link: Link, role: PairingRole, secret: Uint8Array): void {
    this.#sessions.delete(link)
    const record = this.#o.paired(link, role)
    this.#joining.get(link)?.resolve(record)
    this.#joining.delete(link)
    if (role === 'joiner') return
    for (const waiting of this.#waiting) {
      if (!equalBytes(waiting.secret, secret)) continue
      waiting.stop()
      this.#waiting.delete(waiting)
      waiting.resolve(record)
    }
  }

  failed(link: Link, role: PairingRole, error: PairingError | TransportError): void {
    this.#sessions.delete(link)
    if (role === 'inviter' && error.code === 'mismatch') this.#countFailure(link)
    this.#o.failed(link, role, error)
    this.#joining.get(link)?.reject(error)
    this.#joining.delete(link)
    for (const { secret, ended } of [...this.#waiting]) if (ended) this.#endInvitation(secret, ended)
  }

  /** One that was begun in time and came to its proof too late was not looked at, and does not count. */
  #countFailure(link: Link): void {
    const now = this.clock.now()
    const addresses = addressesOf(link.remoteId, link.paths())
    if (!this.#attempts.mayTry(addresses, now)) return
    this.#attempts.count(addresses, now)
    this.#invitations.countFailure(now)
  }
}

/** The other side will not have us, and has not stored us. */
function isRefusal({ by, code }: CloseReason): boolean {
  return by === 'peer' && code === CLOSE.unauthorised
}

/** Why a pairing ended with its link. */
function pairingFailure(link: Link, reason: CloseReason, proven: boolean): PairingError | TransportError {
  if (isRefusal(reason) && proven)
    return new PairingError('declined', `The other device ended the pairing: ${cleanText(reason.reason, 200)}.`)
  if (isRefusal(reason)) {
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
