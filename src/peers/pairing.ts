import type { PairingErrorCode } from '../ports/errors.ts'
import { equalBytes, pairingProof, shortCode, type PairingRole, type PairingTranscript } from './pairing-proof.ts'

/**
 * One pairing on one link, as a pure state machine for either role (P2, P3):
 *
 *   joiner -> inviter   proof      the joiner knows the secret
 *   inviter -> joiner   proof      the inviter does, too
 *   both people         confirm    the same short code stands on both screens
 *   both devices        done       sent once the other device is stored; the link opens when both were sent and received
 *
 * Whoever stops in between leaves nothing behind: a device is stored only after both people said yes.
 */
export interface PairingState {
  readonly role: PairingRole
  readonly transcript: PairingTranscript
  /** The inviter learns which of its invitations it is from the proof. */
  readonly secret: Uint8Array | null
  readonly proven: boolean
  readonly weConfirmed: boolean
  readonly theyConfirmed: boolean
  readonly stored: boolean
  readonly theyStored: boolean
  readonly ended: boolean
}

export type PairingEvent =
  | { readonly kind: 'start' }
  /** `secrets`: those of the invitations that are open now; looked at by the inviter only. */
  | { readonly kind: 'proof'; readonly mac: Uint8Array; readonly secrets: readonly Uint8Array[] }
  | { readonly kind: 'answer'; readonly accepted: boolean }
  | { readonly kind: 'their-answer'; readonly accepted: boolean }
  | { readonly kind: 'stored' }
  | { readonly kind: 'their-done' }
  | { readonly kind: 'cancel' }

export type PairingEffect =
  | { readonly kind: 'send-proof'; readonly mac: Uint8Array }
  | { readonly kind: 'send-confirm'; readonly accepted: boolean }
  | { readonly kind: 'send-done' }
  /** Show the code and ask the person; the answer comes back as an event. */
  | { readonly kind: 'ask'; readonly code: string; readonly secret: Uint8Array }
  /** Both said yes: store the other device, then tell by `stored`. */
  | { readonly kind: 'store'; readonly secret: Uint8Array }
  | { readonly kind: 'paired' }
  | { readonly kind: 'failed'; readonly code: PairingErrorCode; readonly message: string }

export function newPairing(role: PairingRole, transcript: PairingTranscript, secret: Uint8Array | null): PairingState {
  return {
    role,
    transcript,
    secret,
    proven: false,
    weConfirmed: false,
    theyConfirmed: false,
    stored: false,
    theyStored: false,
    ended: false,
  }
}

type Step = readonly [PairingState, readonly PairingEffect[]]

function fail(
  state: PairingState,
  code: PairingErrorCode,
  message: string,
  first: readonly PairingEffect[] = [],
): Step {
  return [{ ...state, ended: true }, [...first, { kind: 'failed', code, message }]]
}

export function updatePairing(state: PairingState, event: PairingEvent): Step {
  if (state.ended) return [state, []]
  switch (event.kind) {
    case 'start':
      if (state.role === 'inviter') return [state, []]
      return [state, [{ kind: 'send-proof', mac: pairingProof(state.secret!, 'joiner', state.transcript) }]]
    case 'proof':
      return onProof(state, event.mac, event.secrets)
    case 'answer':
      if (!state.proven || state.weConfirmed) return [state, []]
      if (!event.accepted)
        return fail(state, 'declined', 'you declined the pairing', [{ kind: 'send-confirm', accepted: false }])
      return bothConfirmed({ ...state, weConfirmed: true }, [{ kind: 'send-confirm', accepted: true }])
    case 'their-answer':
      if (!state.proven)
        return fail(state, 'mismatch', 'the other device confirmed before it proved that it knows the link')
      if (!event.accepted) return fail(state, 'declined', 'the pairing was declined on the other device')
      if (state.theyConfirmed) return [state, []]
      return bothConfirmed({ ...state, theyConfirmed: true }, [])
    case 'stored':
      if (state.stored || !state.weConfirmed || !state.theyConfirmed) return [state, []]
      return opened({ ...state, stored: true }, [{ kind: 'send-done' }])
    case 'their-done':
      if (!state.weConfirmed || !state.theyConfirmed)
        return fail(state, 'mismatch', 'the other device ended the pairing out of turn')
      return opened({ ...state, theyStored: true }, [])
    case 'cancel':
      return fail(
        state,
        'declined',
        'the pairing was cancelled',
        state.proven ? [{ kind: 'send-confirm', accepted: false }] : [],
      )
  }
}

function onProof(state: PairingState, mac: Uint8Array, open: readonly Uint8Array[]): Step {
  if (state.proven) return fail(state, 'mismatch', 'a second proof on one link')
  const candidates = state.role === 'joiner' ? [state.secret!] : open
  const theirRole: PairingRole = state.role === 'joiner' ? 'inviter' : 'joiner'
  let secret: Uint8Array | null = null
  for (const candidate of candidates)
    if (equalBytes(mac, pairingProof(candidate, theirRole, state.transcript))) secret = candidate
  if (!secret)
    return fail(
      state,
      'mismatch',
      'the link is not valid here: it may be damaged, expired or used already. Make a new one with "invite"',
    )
  const effects: PairingEffect[] =
    state.role === 'inviter' ? [{ kind: 'send-proof', mac: pairingProof(secret, 'inviter', state.transcript) }] : []
  return [
    { ...state, proven: true, secret },
    [...effects, { kind: 'ask', code: shortCode(secret, state.transcript), secret }],
  ]
}

function bothConfirmed(state: PairingState, effects: readonly PairingEffect[]): Step {
  if (!state.weConfirmed || !state.theyConfirmed) return [state, effects]
  return [state, [...effects, { kind: 'store', secret: state.secret! }]]
}

function opened(state: PairingState, effects: readonly PairingEffect[]): Step {
  if (!state.stored || !state.theyStored) return [state, effects]
  return [{ ...state, ended: true }, [...effects, { kind: 'paired' }]]
}
