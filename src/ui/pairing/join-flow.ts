import type { PairingQuestion } from '../../engine/pairing-session.ts'
import { decodePairingLink, type PairingOffer } from '../../peers/pairing-link.ts'
import { PairingError } from '../../ports/errors.ts'
import { VAULT_SHARE } from '../../ports/share-record.ts'
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
    /** The link gives a folder, which has to go somewhere in this vault. */
    | { readonly kind: 'place'; readonly offer: PairingOffer }
    | { readonly kind: 'connecting'; readonly offer: PairingOffer }
    | PairingStep
    | { readonly kind: 'failed'; readonly error: ErrorSentence }
  )

export type JoinEvent =
  | { readonly kind: 'typed'; readonly text: string }
  /** Null: no code was found in the photo. */
  | { readonly kind: 'photo'; readonly text: string | null }
  /** `isHere`: the folder that the link gives has its place in this vault already. */
  | { readonly kind: 'submit'; readonly isHere?: boolean }
  /** A vault path. */
  | { readonly kind: 'placed'; readonly folder: string }
  | { readonly kind: 'question'; readonly question: PairingQuestion }
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'answer'; readonly yes: boolean }
  | { readonly kind: 'paired'; readonly deviceName: string }
  | { readonly kind: 'failed'; readonly error: ErrorSentence }
  | { readonly kind: 'retry' }

export type JoinEffect =
  /** `folder`: where a shared folder goes. */
  | { readonly kind: 'join'; readonly offer: PairingOffer; readonly folder?: string }
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
      if (givesFolder(state.offer) && !event.isHere) return [{ kind: 'place', text, offer: state.offer }, []]
      return [{ kind: 'connecting', text, offer: state.offer }, [{ kind: 'join', offer: state.offer }]]
    case 'placed':
      if (state.kind !== 'place') return [state, []]
      return [
        { kind: 'connecting', text, offer: state.offer },
        [{ kind: 'join', offer: state.offer, folder: event.folder }],
      ]
    case 'question':
      if (state.kind === 'failed' || state.kind === 'link' || state.kind === 'place')
        return [state, [{ kind: 'answer', yes: false }]]
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

/** Whether a link gives a single folder. */
export function givesFolder({ share }: PairingOffer): boolean {
  return share !== VAULT_SHARE
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
