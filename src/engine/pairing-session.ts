import type { VaultComparison, VaultListing } from '../history/compare-vaults.ts'
import { isStoring, newPairing, updatePairing, type PairingEvent, type PairingState } from '../peers/pairing.ts'
import type { PairingRole } from '../peers/pairing-proof.ts'
import type { Clock } from '../ports/clock.ts'
import { PairingError, type PairingErrorCode, type TransportError } from '../ports/errors.ts'
import type { EndpointId } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import type { Hello, PairingMessage } from '../protocol/messages.ts'
import type { Link } from './link.ts'

/** What a person is asked before two devices become one another's peers: first the code (P3), then the vaults (E9). */
export type PairingQuestion = {
  readonly role: PairingRole
  readonly id: EndpointId
  readonly deviceName: string
} & (
  { readonly kind: 'code'; readonly code: string } | { readonly kind: 'vaults'; readonly comparison: VaultComparison }
)

export interface PairingHost {
  readonly self: EndpointId
  readonly clock: Pick<Clock, 'after'>
  /** Secrets that the device of this link may prove now. */
  openSecrets(link: Link): readonly Uint8Array[]
  confirm(question: PairingQuestion, signal: AbortSignal): Promise<boolean>
  /** The files of the share that is offered, as they are now. @throws what keeps the vault from being looked at. */
  listing(link: Link, role: PairingRole, secret: Uint8Array): Promise<VaultListing>
  /** Gives what undoes it. @throws PairingError */
  store(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array): Promise<() => Promise<void>>
  paired(link: Link, role: PairingRole, secret: Uint8Array): void
  failed(link: Link, role: PairingRole, error: PairingError | TransportError): void
}

/** Who has the link sends its proof with its first word: more than this is no slow network any more. */
const PROOF_WITHIN_MS = 10_000

/** What the other side is told when this one ends the pairing on its own: no more than it has to know. */
const REFUSALS: Partial<Record<PairingErrorCode, string>> = {
  'too-many-peers': 'the list of devices is full over there',
  used: 'another device used this pairing link',
  expired: 'this pairing link is not valid any more',
}

/** Runs the pairing of one link: carries its effects out and feeds back what comes of them. */
export class PairingSession {
  #state: PairingState
  readonly #over = new AbortController()
  readonly #link: Link
  readonly #hello: Hello
  readonly #host: PairingHost
  #cancelOverdue: (() => void) | null = null
  /** Undoes what was stored; null while nothing is. */
  #undo: (() => Promise<void>) | null = null
  #forgotten = false

  constructor(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array | null, host: PairingHost) {
    this.#link = link
    this.#hello = hello
    this.#host = host
    const mine = link.state.self.nonce
    const [inviter, joiner] = role === 'inviter' ? [host.self, link.remoteId] : [link.remoteId, host.self]
    const [inviterNonce, joinerNonce] = role === 'inviter' ? [mine, hello.nonce] : [hello.nonce, mine]
    this.#state = newPairing(role, { inviter, joiner, inviterNonce, joinerNonce }, secret)
  }

  get role(): PairingRole {
    return this.#state.role
  }

  /** The secret of the link that is followed; the inviter knows it once it was proved. */
  get secret(): Uint8Array | null {
    return this.#state.secret
  }

  /** The other device knows the secret. */
  get isProven(): boolean {
    return this.#state.proven
  }

  /** Both agreed to everything: too late to cancel. */
  get isStoring(): boolean {
    return isStoring(this.#state)
  }

  start(): void {
    this.#cancelOverdue = this.#host.clock.after(PROOF_WITHIN_MS, () => this.#dispatch({ kind: 'overdue' }))
    this.#link.dispatch({ kind: 'start' }) // the joiner needs our nonce
    this.#dispatch({ kind: 'start' })
  }

  onMessage(message: PairingMessage): void {
    switch (message.kind) {
      case 'pair-proof':
        return this.#dispatch({ kind: 'proof', mac: message.mac, secrets: this.#host.openSecrets(this.#link) })
      case 'pair-confirm':
        return this.#dispatch({ kind: 'their-answer', accepted: message.accepted })
      case 'pair-listing':
        return this.#dispatch({ kind: 'their-listing', files: message.files, last: message.last })
      case 'pair-more':
        return this.#dispatch({ kind: 'their-more' })
      case 'pair-agree':
        return this.#dispatch({ kind: 'their-agree', accepted: message.accepted })
      case 'pair-done':
        return this.#dispatch({ kind: 'their-done' })
    }
  }

  /** By the person here; the other device is told. Nothing happens once both agreed. */
  cancel(): void {
    this.#dispatch({ kind: 'cancel' })
  }

  /** The link is gone. `refused`: the other device ended it because it will not have us. */
  lost(error: PairingError | TransportError, refused: boolean): void {
    if (refused && this.isStoring) this.#forget()
    this.#end(error)
  }

  /** Ends the pairing from this side, for a reason that no message of the conversation carries. */
  refuse(error: PairingError): void {
    if (this.#state.ended) return
    this.#end(error)
    this.#link.close(CLOSE.unauthorised, REFUSALS[error.code] ?? 'the other device could not go on with the pairing')
  }

  #end(error: PairingError | TransportError): void {
    if (this.#state.ended) return
    this.#state = { ...this.#state, ended: true }
    this.#fail(error)
  }

  /** No question stays open, no timer set. Whoever was asked finds in the signal why it is over. */
  #fail(error: PairingError | TransportError): void {
    this.#cancelOverdue?.()
    this.#over.abort(error)
    this.#host.failed(this.#link, this.role, error)
  }

  #dispatch(event: PairingEvent): void {
    const [state, effects] = updatePairing(this.#state, event)
    this.#state = state
    if (state.proven) this.#cancelOverdue?.()
    const { role } = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send-proof':
          this.#link.send({ kind: 'pair-proof', mac: effect.mac })
          break
        case 'send-confirm':
          this.#link.send({ kind: 'pair-confirm', accepted: effect.accepted })
          break
        case 'send-listing':
          this.#link.send({ kind: 'pair-listing', files: effect.files, last: effect.last })
          break
        case 'send-more':
          this.#link.send({ kind: 'pair-more' })
          break
        case 'send-agree':
          this.#link.send({ kind: 'pair-agree', accepted: effect.accepted })
          break
        case 'send-done':
          this.#link.send({ kind: 'pair-done' })
          break
        case 'ask':
          void this.#ask({ kind: 'code', code: effect.code }, 'answer')
          break
        case 'list':
          void this.#list(effect.secret)
          break
        case 'ask-vaults':
          void this.#ask({ kind: 'vaults', comparison: effect.comparison }, 'agree')
          break
        case 'store':
          void this.#store(effect.secret)
          break
        case 'forget':
          this.#forget()
          break
        case 'paired':
          this.#host.paired(this.#link, role, state.secret!)
          break
        case 'failed':
          this.#fail(new PairingError(effect.code, effect.message))
          // A no is told by a message before; whoever has no valid link gets the close code alone (P2).
          if (effect.code !== 'mismatch') void this.#link.leave('disconnect', CLOSE.unauthorised)
          else if (state.proven) this.#link.close(CLOSE.protocol, effect.message)
          else this.#link.close(CLOSE.unauthorised, 'this pairing link is not valid here')
          break
      }
    }
  }

  async #ask(
    what: { kind: 'code'; code: string } | { kind: 'vaults'; comparison: VaultComparison },
    answer: 'answer' | 'agree',
  ): Promise<void> {
    const question = { role: this.role, id: this.#link.remoteId, deviceName: this.#hello.deviceName, ...what }
    const accepted = await this.#host.confirm(question, this.#over.signal).catch(() => false)
    this.#dispatch({ kind: answer, accepted })
  }

  async #list(secret: Uint8Array): Promise<void> {
    try {
      this.#dispatch({ kind: 'listed', listing: await this.#host.listing(this.#link, this.role, secret) })
    } catch (error) {
      this.refuse(asPairingError(error, 'The files of this vault could not be listed'))
    }
  }

  async #store(secret: Uint8Array): Promise<void> {
    try {
      this.#undo = await this.#host.store(this.#link, this.#hello, this.role, secret)
      if (this.#forgotten) this.#forget()
      this.#dispatch({ kind: 'stored' })
    } catch (error) {
      this.refuse(asPairingError(error, 'The other device could not be stored'))
    }
  }

  /** Also while the other device is still being stored. */
  #forget(): void {
    this.#forgotten = true
    const undo = this.#undo
    this.#undo = null
    void undo?.()
  }
}

function asPairingError(error: unknown, what: string): PairingError {
  if (error instanceof PairingError) return error
  const why = error instanceof Error ? error.message : String(error)
  return new PairingError('declined', `${what}: ${why}`, {}, { cause: error })
}
