import { compareVaults, type VaultComparison, type VaultListing } from '../history/compare-vaults.ts'
import type { PairingErrorCode } from '../ports/errors.ts'
import { chunksOf, MAX_LISTED_FILES, NOTHING_ARRIVED, takeChunk, type ArrivedListing } from './pairing-listing.ts'
import { equalBytes, pairingProof, shortCode, type PairingRole, type PairingTranscript } from './pairing-proof.ts'

/**
 * One pairing on one link, as a pure state machine for either role (P2, P3, E9):
 *
 *   joiner -> inviter   proof      the joiner knows the secret
 *   inviter -> joiner   proof      the inviter does, too
 *   both people         confirm    the same short code stands on both screens
 *   both devices        listing    path and oid of every file of the share, chunk by chunk; the next one when the last was taken
 *   both people         agree      to what the two vaults hold; without a question when one of them holds nothing
 *   both devices        done       sent once the other device is stored; the link opens when both were sent and received
 *
 * Whoever stops in between leaves nothing behind: a device is stored only after both people said yes to all of it, and is
 * forgotten again when the other one refuses in the very last step.
 */
export interface PairingState {
  readonly role: PairingRole
  readonly transcript: PairingTranscript
  /** The inviter learns which of its invitations it is from the proof. */
  readonly secret: Uint8Array | null
  readonly proven: boolean
  readonly weConfirmed: boolean
  readonly theyConfirmed: boolean
  /** Our listing once it is made: its chunks, and how many of them were sent. */
  readonly ours: { readonly chunks: readonly VaultListing[]; readonly sent: number } | null
  readonly arrived: ArrivedListing
  readonly compared: boolean
  readonly weAgreed: boolean
  readonly theyAgreed: boolean
  readonly stored: boolean
  readonly theyStored: boolean
  readonly ended: boolean
}

export type PairingEvent =
  | { readonly kind: 'start' }
  /** `secrets`: those of the invitations that are open now; looked at by the inviter only. */
  | { readonly kind: 'proof'; readonly mac: Uint8Array; readonly secrets: readonly Uint8Array[] }
  /** The time for the proof is over. */
  | { readonly kind: 'overdue' }
  | { readonly kind: 'answer'; readonly accepted: boolean }
  | { readonly kind: 'their-answer'; readonly accepted: boolean }
  | { readonly kind: 'listed'; readonly listing: VaultListing }
  | { readonly kind: 'their-listing'; readonly files: VaultListing; readonly last: boolean }
  /** They took our last chunk and want the next. */
  | { readonly kind: 'their-more' }
  | { readonly kind: 'agree'; readonly accepted: boolean }
  | { readonly kind: 'their-agree'; readonly accepted: boolean }
  | { readonly kind: 'stored' }
  | { readonly kind: 'their-done' }
  /** By the person here. Too late, and without effect, once both agreed. */
  | { readonly kind: 'cancel' }

export type PairingEffect =
  | { readonly kind: 'send-proof'; readonly mac: Uint8Array }
  | { readonly kind: 'send-confirm'; readonly accepted: boolean }
  | { readonly kind: 'send-listing'; readonly files: VaultListing; readonly last: boolean }
  | { readonly kind: 'send-more' }
  | { readonly kind: 'send-agree'; readonly accepted: boolean }
  | { readonly kind: 'send-done' }
  /** Show the code and ask the person; the answer comes back as an event. */
  | { readonly kind: 'ask'; readonly code: string; readonly secret: Uint8Array }
  /** Both said yes to the code: list the files of the offered share, then tell by `listed`. */
  | { readonly kind: 'list'; readonly secret: Uint8Array }
  /** E9: show what the vaults hold and ask the person; the answer comes back as `agree`. */
  | { readonly kind: 'ask-vaults'; readonly comparison: VaultComparison }
  /** Both agreed: store the other device, then tell by `stored`. */
  | { readonly kind: 'store'; readonly secret: Uint8Array }
  /** The other device refused while we stored it: undo that, also when it is still under way. */
  | { readonly kind: 'forget' }
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
    ours: null,
    arrived: NOTHING_ARRIVED,
    compared: false,
    weAgreed: false,
    theyAgreed: false,
    stored: false,
    theyStored: false,
    ended: false,
  }
}

/** Whether both agreed, so that nothing but a refusal of the other device or the loss of the link ends the pairing. */
export function isStoring(state: PairingState): boolean {
  return state.weAgreed && state.theyAgreed
}

type Step = readonly [PairingState, readonly PairingEffect[]]

export function updatePairing(state: PairingState, event: PairingEvent): Step {
  if (state.ended) return [state, []]
  switch (event.kind) {
    case 'start':
      if (state.role === 'inviter') return [state, []]
      return [state, [{ kind: 'send-proof', mac: pairingProof(state.secret!, 'joiner', state.transcript) }]]
    case 'proof':
      return onProof(state, event.mac, event.secrets)
    case 'overdue':
      if (state.proven) return [state, []]
      if (state.role === 'inviter')
        return fail(state, 'mismatch', 'the other device did not prove that it knows the link')
      return fail(state, 'timeout', 'The other device did not answer in time.')
    case 'answer':
      if (!state.proven || state.weConfirmed) return [state, []]
      if (!event.accepted)
        return fail(state, 'declined', 'you declined the pairing', [{ kind: 'send-confirm', accepted: false }])
      return bothConfirmed({ ...state, weConfirmed: true }, [{ kind: 'send-confirm', accepted: true }])
    case 'their-answer':
      if (!state.proven)
        return fail(state, 'mismatch', 'the other device confirmed before it proved that it knows the link')
      if (!event.accepted) return declinedThere(state)
      if (state.theyConfirmed) return [state, []]
      return bothConfirmed({ ...state, theyConfirmed: true }, [])
    case 'listed':
      return onListed(state, event.listing)
    case 'their-listing':
      return onTheirListing(state, event.files, event.last)
    case 'their-more':
      if (!state.ours || state.ours.sent === 0 || isSent(state))
        return fail(state, 'mismatch', 'the other device asked for files that were never announced')
      return sendChunk(state, [])
    case 'agree':
      if (!state.compared || state.weAgreed) return [state, []]
      if (!event.accepted)
        return fail(state, 'declined', 'you declined to bring the two vaults together', [
          { kind: 'send-agree', accepted: false },
        ])
      return bothAgreed({ ...state, weAgreed: true }, [{ kind: 'send-agree', accepted: true }])
    case 'their-agree':
      // It can only know what our vault holds when it has all of our listing.
      if (!isSent(state)) return fail(state, 'mismatch', 'the other device agreed before it knew what to')
      if (!event.accepted) return declinedThere(state)
      if (state.theyAgreed) return [state, []]
      return bothAgreed({ ...state, theyAgreed: true }, [])
    case 'stored':
      if (state.stored || !isStoring(state)) return [state, []]
      return opened({ ...state, stored: true }, [{ kind: 'send-done' }])
    case 'their-done':
      if (!isStoring(state)) return fail(state, 'mismatch', 'the other device ended the pairing out of turn')
      return opened({ ...state, theyStored: true }, [])
    case 'cancel':
      if (isStoring(state)) return [state, []]
      return fail(
        state,
        'declined',
        'The pairing was cancelled on this device.',
        state.proven ? [{ kind: 'send-confirm', accepted: false }] : [],
      )
  }
}

function fail(
  state: PairingState,
  code: PairingErrorCode,
  message: string,
  first: readonly PairingEffect[] = [],
): Step {
  return [
    { ...state, ours: null, arrived: NOTHING_ARRIVED, ended: true },
    [...first, { kind: 'failed', code, message }],
  ]
}

/** The other person said no, or cancelled before our last yes arrived there: then we may have stored their device already. */
function declinedThere(state: PairingState): Step {
  const undo: readonly PairingEffect[] = isStoring(state) ? [{ kind: 'forget' }] : []
  return fail(state, 'declined', 'the pairing was declined on the other device', undo)
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
  return [state, [...effects, { kind: 'list', secret: state.secret! }]]
}

function onListed(state: PairingState, listing: VaultListing): Step {
  if (state.ours || !state.weConfirmed || !state.theyConfirmed) return [state, []]
  const chunks = chunksOf(listing)
  if (!chunks)
    return fail(
      state,
      'declined',
      `This vault holds ${listing.length} files. Two vaults are compared before they are brought together, and at most ${MAX_LISTED_FILES} files can be.`,
      [{ kind: 'send-confirm', accepted: false }],
    )
  return sendChunk({ ...state, ours: { chunks, sent: 0 } }, [])
}

function isSent({ ours }: PairingState): boolean {
  return ours !== null && ours.sent === ours.chunks.length
}

function sendChunk(state: PairingState, effects: readonly PairingEffect[]): Step {
  const { chunks, sent } = state.ours!
  const next = { ...state, ours: { chunks, sent: sent + 1 } }
  return compare(next, [...effects, { kind: 'send-listing', files: chunks[sent]!, last: sent + 1 === chunks.length }])
}

function onTheirListing(state: PairingState, files: VaultListing, last: boolean): Step {
  // P3: whoever confirmed has sent that before, so this cannot have overtaken it.
  if (!state.weConfirmed || !state.theyConfirmed)
    return fail(state, 'mismatch', 'the other device listed its files before both people confirmed')
  const arrived = takeChunk(state.arrived, files, last)
  if (typeof arrived === 'string') return fail(state, 'mismatch', arrived)
  return compare({ ...state, arrived }, last ? [] : [{ kind: 'send-more' }])
}

/** E9: asks once both listings are known. Two vaults of which one holds nothing need no question; both sides know that alike. */
function compare(state: PairingState, effects: readonly PairingEffect[]): Step {
  if (state.compared || !state.ours || !state.arrived.complete) return [state, effects]
  const [here, there] = [state.ours.chunks.flat(), state.arrived.chunks.flat()]
  const next = { ...state, compared: true, arrived: { ...state.arrived, chunks: [] } }
  if (here.length && there.length)
    return [next, [...effects, { kind: 'ask-vaults', comparison: compareVaults(here, there) }]]
  return bothAgreed({ ...next, weAgreed: true }, [...effects, { kind: 'send-agree', accepted: true }])
}

function bothAgreed(state: PairingState, effects: readonly PairingEffect[]): Step {
  if (!isStoring(state)) return [state, effects]
  return [state, [...effects, { kind: 'store', secret: state.secret! }]]
}

function opened(state: PairingState, effects: readonly PairingEffect[]): Step {
  if (!state.stored || !state.theyStored) return [state, effects]
  return [{ ...state, ended: true }, [...effects, { kind: 'paired' }]]
}
