import type { VaultComparison } from '../history/compare-vaults.ts'
import { newPairing, updatePairing, type PairingEvent, type PairingState } from '../peers/pairing.ts'
import type { PairingRole } from '../peers/pairing-proof.ts'
import { PairingError, type PairingErrorCode, type TransportError } from '../ports/errors.ts'
import type { EndpointId } from '../ports/transport.ts'
import { CLOSE } from '../protocol/close-codes.ts'
import type { Hello } from '../protocol/messages.ts'
import type { LinkEffect } from '../protocol/link-session.ts'
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
  openSecrets(device: EndpointId): readonly Uint8Array[]
  confirm(question: PairingQuestion, signal: AbortSignal): Promise<boolean>
  store(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array): Promise<void>
  paired(link: Link, role: PairingRole): void
  failed(link: Link, role: PairingRole, error: PairingError | TransportError): void
}

/** What the other side is told when it was not stored: no more than it has to know. */
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

  constructor(link: Link, hello: Hello, role: PairingRole, secret: Uint8Array | null, host: PairingHost) {
    this.#link = link
    this.#hello = hello
    this.#host = host
    const mine = link.state.self.nonce
    const [inviter, joiner] = role === 'inviter' ? [host.self, link.remoteId] : [link.remoteId, host.self]
    const [inviterNonce, joinerNonce] = role === 'inviter' ? [mine, hello.nonce] : [hello.nonce, mine]
    this.#state = newPairing(role, { inviter, joiner, inviterNonce, joinerNonce }, secret)
  }

  start(): void {
    this.#link.dispatch({ kind: 'start' }) // the joiner needs our nonce
    this.#dispatch({ kind: 'start' })
  }

  onMessage(message: Extract<LinkEffect, { kind: 'pairing' }>['message']): void {
    switch (message.kind) {
      case 'pair-proof':
        return this.#dispatch({ kind: 'proof', mac: message.mac, secrets: this.#host.openSecrets(this.#link.remoteId) })
      case 'pair-confirm':
        return this.#dispatch({ kind: 'their-answer', accepted: message.accepted })
      case 'pair-done':
        return this.#dispatch({ kind: 'their-done' })
    }
  }

  /** The link is gone, or the person gave up. */
  cancel(error: PairingError | TransportError): void {
    this.#over.abort()
    if (this.#state.ended) return
    this.#state = { ...this.#state, ended: true }
    this.#host.failed(this.#link, this.#state.role, error)
  }

  #dispatch(event: PairingEvent): void {
    const [state, effects] = updatePairing(this.#state, event)
    this.#state = state
    const { role } = state
    for (const effect of effects) {
      switch (effect.kind) {
        case 'send-proof':
          this.#link.send({ kind: 'pair-proof', mac: effect.mac })
          break
        case 'send-confirm':
          this.#link.send({ kind: 'pair-confirm', accepted: effect.accepted })
          break
        case 'send-done':
          this.#link.send({ kind: 'pair-done' })
          break
        case 'ask':
          void this.#ask(effect.code)
          break
        case 'store':
          void this.#store(effect.secret)
          break
        case 'paired':
          this.#host.paired(this.#link, role)
          break
        case 'failed':
          this.#over.abort()
          this.#host.failed(this.#link, role, new PairingError(effect.code, effect.message))
          // A no is told by a message before; whoever has no valid link gets the close code alone (P2).
          if (effect.code === 'mismatch') this.#link.close(CLOSE.unauthorised, 'this pairing link is not valid here')
          else void this.#link.leave('disconnect', CLOSE.unauthorised)
          break
      }
    }
  }

  async #ask(code: string): Promise<void> {
    const question = {
      role: this.#state.role,
      id: this.#link.remoteId,
      deviceName: this.#hello.deviceName,
      kind: 'code' as const,
      code,
    }
    const accepted = await this.#host.confirm(question, this.#over.signal).catch(() => false)
    this.#dispatch({ kind: 'answer', accepted })
  }

  async #store(secret: Uint8Array): Promise<void> {
    try {
      await this.#host.store(this.#link, this.#hello, this.#state.role, secret)
      this.#dispatch({ kind: 'stored' })
    } catch (error) {
      const failure =
        error instanceof PairingError
          ? error
          : new PairingError(
              'declined',
              `The other device could not be stored: ${error instanceof Error ? error.message : String(error)}`,
              {},
              { cause: error },
            )
      this.cancel(failure)
      this.#link.close(CLOSE.unauthorised, REFUSALS[failure.code] ?? 'the other device could not store this one')
    }
  }
}
