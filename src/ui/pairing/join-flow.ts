import type { PairingQuestion } from '../../engine/pairing-session.ts'
import { decodePairingLink, type PairingOffer } from '../../peers/pairing-link.ts'
import { PairingError } from '../../ports/errors.ts'
import type { ErrorSentence } from '../words/error-sentence.ts'
import { DECLINED_HERE } from './invite-flow.ts'
import { agreed, isPairingStep, nowPaired, stepOf, type PairingStep } from './pairing-step.ts'

/** Flow B, "Join device": this device follows a link that another one made. `text`: what stands in the field. */
export type JoinState = { readonly text: string } &
  /** `problem`: why the text is no link yet; null while the field is empty or the link is good. */
  (
    | { readonly kind: 'link'; readonly problem: string | null; readonly offer: PairingOffer | null }
    /** The link was opened from outside, and may have landed in the wrong vault. */
    | { readonly kind: 'confirm'; readonly offer: PairingOffer }
    | { readonly kind: 'connecting'; readonly offer: PairingOffer }
    | PairingStep
    | { readonly kind: 'failed'; readonly error: ErrorSentence }
  )

export type JoinEvent =
  | { readonly kind: 'typed'; readonly text: string }
  /** Null: no code was found in the photo. */
  | { readonly kind: 'photo'; readonly text: string | null }
  | { readonly kind: 'submit' }
  | { readonly kind: 'question'; readonly question: PairingQuestion }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'answer'; readonly yes: boolean }
  | { readonly kind: 'paired'; readonly deviceName: string }
  | { readonly kind: 'failed'; readonly error: ErrorSentence }
  | { readonly kind: 'retry' }

export type JoinEffect =
  | { readonly kind: 'join'; readonly offer: PairingOffer }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'answer'; readonly yes: boolean }

type Step = readonly [JoinState, readonly JoinEffect[]]

const NO_CODE = 'No code was found in this photo. Take it again from straight ahead, or paste the link.'
/** What a link begins with, and what may be typed or half pasted on the way to one. */
const LINK_START = 'obsidian://tandem-sync?'

export function newJoin(link?: string): Step {
  if (link === undefined) return [{ kind: 'link', text: '', problem: null, offer: null }, []]
  const state = readLink(link)
  return [state.kind === 'link' && state.offer ? { kind: 'confirm', text: link, offer: state.offer } : state, []]
}

export function updateJoin(state: JoinState, event: JoinEvent): Step {
  const { text } = state
  switch (event.kind) {
    case 'typed':
      return state.kind === 'link' ? [readLink(event.text), []] : [state, []]
    case 'photo': {
      if (state.kind !== 'link') return [state, []]
      return [event.text === null ? { ...state, problem: NO_CODE } : readLink(event.text), []]
    }
    case 'submit':
      if ((state.kind !== 'link' && state.kind !== 'confirm') || !state.offer) return [state, []]
      return [{ kind: 'connecting', text, offer: state.offer }, [{ kind: 'join', offer: state.offer }]]
    case 'question':
      if (state.kind === 'failed' || state.kind === 'link') return [state, [{ kind: 'answer', yes: false }]]
      return [{ ...stepOf(event.question, state.kind === 'done'), text }, []]
    case 'withdrawn':
      // The reason follows as the failure of the join.
      if (!isPairingStep(state) || state.kind === 'done' || state.paired) return [state, []]
      return [{ kind: 'answered', deviceName: state.deviceName, paired: false, text }, []]
    case 'answer':
      if (state.kind !== 'code' && state.kind !== 'vaults') return [state, []]
      if (event.yes) return [{ ...agreed(state), text }, [{ kind: 'answer', yes: true }]]
      return [{ kind: 'failed', error: DECLINED_HERE, text: '' }, [{ kind: 'answer', yes: false }, { kind: 'cancel' }]]
    case 'paired':
      return state.kind === 'failed' ? [state, []] : [{ ...nowPaired(state, event.deviceName), text }, []]
    case 'failed':
      if (state.kind === 'failed' || state.kind === 'done') return [state, []]
      return [{ kind: 'failed', error: event.error, text }, []]
    case 'retry':
      return state.kind === 'failed' ? [readLink(text), []] : [state, []]
  }
}

function readLink(text: string): JoinState {
  const trimmed = text.trim()
  // Half a word on the way to a link is no mistake yet.
  if (trimmed === '' || LINK_START.startsWith(trimmed)) return { kind: 'link', text, problem: null, offer: null }
  try {
    return { kind: 'link', text, problem: null, offer: decodePairingLink(trimmed) }
  } catch (error) {
    if (!(error instanceof PairingError)) throw error
    return { kind: 'link', text, problem: error.message, offer: null }
  }
}
