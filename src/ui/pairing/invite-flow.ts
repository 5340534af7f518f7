import type { PairingQuestion } from '../../engine/pairing-session.ts'
import type { ErrorSentence } from '../words/error-sentence.ts'
import { agreed, isPairingStep, nowPaired, stepOf, type PairingStep } from './pairing-step.ts'

interface Invitation {
  readonly link: string
  /** ms since 1970. */
  readonly expiresAt: number
}

/** Flow A, "Add device": this device shows a code, and waits for another one to use it. */
export type InviteState = { readonly invitation: Invitation | null } & (
  | { readonly kind: 'opening' }
  /** `note`: why it waits again. */
  | { readonly kind: 'waiting'; readonly invitation: Invitation; readonly note: string | null }
  | PairingStep
  | { readonly kind: 'failed'; readonly error: ErrorSentence }
)

export type InviteEvent =
  | { readonly kind: 'opened'; readonly link: string; readonly expiresAt: number }
  | { readonly kind: 'question'; readonly question: PairingQuestion }
  /** The question was taken back: the other device is gone, or said no. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'answer'; readonly yes: boolean }
  | { readonly kind: 'paired'; readonly deviceName: string }
  | { readonly kind: 'failed'; readonly error: ErrorSentence }
  | { readonly kind: 'retry' }

export type InviteEffect =
  { readonly kind: 'invite' } | { readonly kind: 'cancel' } | { readonly kind: 'answer'; readonly yes: boolean }

type Step = readonly [InviteState, readonly InviteEffect[]]

export const DECLINED_HERE: ErrorSentence = {
  what: 'You said no, so the devices are not paired. No note was exchanged.',
  next: 'To try again, use a new link.',
}

export function newInvite(): Step {
  return [{ kind: 'opening', invitation: null }, [{ kind: 'invite' }]]
}

export function updateInvite(state: InviteState, event: InviteEvent): Step {
  const { invitation } = state
  switch (event.kind) {
    case 'opened': {
      if (state.kind !== 'opening') return [state, []]
      const opened = { link: event.link, expiresAt: event.expiresAt }
      return [{ kind: 'waiting', invitation: opened, note: null }, []]
    }
    case 'question':
      // With nobody to ask any more, the answer is no.
      if (state.kind === 'failed') return [state, [{ kind: 'answer', yes: false }]]
      return [{ ...stepOf(event.question, state.kind === 'done'), invitation }, []]
    case 'withdrawn':
      if (!isPairingStep(state) || state.kind === 'done' || state.paired || !invitation) return [state, []]
      return [
        {
          kind: 'waiting',
          invitation,
          note: `${state.deviceName} stopped before both were paired. The link still works.`,
        },
        [],
      ]
    case 'answer':
      if (state.kind !== 'code' && state.kind !== 'vaults') return [state, []]
      if (event.yes) return [{ ...agreed(state), invitation }, [{ kind: 'answer', yes: true }]]
      return [
        { kind: 'failed', error: DECLINED_HERE, invitation: null },
        [{ kind: 'answer', yes: false }, { kind: 'cancel' }],
      ]
    case 'paired':
      if (state.kind === 'failed') return [state, []]
      return [{ ...nowPaired(state, event.deviceName), invitation }, []]
    case 'failed':
      if (state.kind === 'failed' || state.kind === 'done') return [state, []]
      return [{ kind: 'failed', error: event.error, invitation: null }, []]
    case 'retry':
      return state.kind === 'failed' ? newInvite() : [state, []]
  }
}
