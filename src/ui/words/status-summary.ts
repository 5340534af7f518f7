import type { PeerReport } from '../../engine/device.ts'
import type { PendingConsent } from '../../engine/consent.ts'
import type { SyncCondition } from '../face.ts'
import { errorSentence } from './error-sentence.ts'
import { formatNumber } from './format.ts'
import { needsAttention } from './peer-sentence.ts'
import { filesSentence, type SyncProgress, type WritingProgress } from './sync-progress.ts'

export interface StatusFacts {
  readonly condition: SyncCondition
  readonly peers: readonly Pick<PeerReport, 'status' | 'state' | 'current' | 'held' | 'record'>[]
  readonly consent: PendingConsent | null
  /** Of the vault, or of a shared folder; null when none failed. */
  readonly shareError: Error | null
  readonly progress: SyncProgress | null
  /** What arrived and is being written into the vault; null when nothing is. */
  readonly writing: WritingProgress | null
  /** S5: of what may only be read here, a sentence each. */
  readonly staysHere: readonly string[]
}

/** Colour is for what a person should look at. */
export type StatusTone = 'normal' | 'warning' | 'error'

export interface StatusSummary {
  /** At most three words, or a count like "Syncing 12 of 40". */
  readonly text: string
  readonly icon: string
  readonly tone: StatusTone
  /** One sentence: for the tooltip, and for those who hear the screen. */
  readonly sentence: string
}

/** The whole state of the sync on one glance. */
export function statusSummary(facts: StatusFacts): StatusSummary {
  const { condition, peers, progress, writing, staysHere } = facts
  const trouble = troubleOf(facts)
  switch (condition.kind) {
    case 'starting':
      return { text: 'Starting', icon: 'refresh-cw', tone: 'normal', sentence: 'Sync is starting.' }
    case 'paused':
      return beside(trouble, {
        text: 'Paused',
        icon: 'pause',
        tone: 'normal',
        sentence: 'Sync is paused on this device.',
      })
    case 'failed':
      return { text: 'Needs attention', icon: 'alert-triangle', tone: 'error', sentence: condition.message }
    case 'offline':
      return beside(trouble, { text: 'Offline', icon: 'cloud-off', tone: 'warning', sentence: condition.message })
    case 'running':
      break
  }
  if (trouble) return trouble
  const troubled = peers.filter((peer) => needsAttention(peer))
  if (troubled.length > 0) return attention(`${troubled[0]!.record.name} needs your attention.`)
  if (peers.length === 0)
    return { text: 'No devices', icon: 'refresh-cw-off', tone: 'normal', sentence: 'No other device is paired yet.' }
  if (progress && progress.filesTotal > 0) {
    const text = `Syncing ${formatNumber(progress.filesDone)} of ${formatNumber(progress.filesTotal)}`
    const written = writing ? ` Written here: ${filesSentence(writing)}.` : ''
    return { text, icon: 'refresh-cw', tone: 'normal', sentence: `Syncing ${filesSentence(progress)}.${written}` }
  }
  if (writing) {
    const text = `Writing ${formatNumber(writing.filesDone)} of ${formatNumber(writing.filesTotal)}`
    return { text, icon: 'refresh-cw', tone: 'normal', sentence: `Writing ${filesSentence(writing)} into the vault.` }
  }
  const summary = connected(peers)
  return { ...summary, sentence: [summary.sentence, ...staysHere].join(' ') }
}

/** What a person should look at in the vault itself, whatever the network does. */
function troubleOf({ consent, shareError }: StatusFacts): StatusSummary | null {
  if (consent) return attention('A large change waits for your word.')
  return shareError && { ...attention(errorSentence(shareError).what), tone: 'error' }
}

/** Both are told: neither is to hide the other. */
function beside(trouble: StatusSummary | null, state: StatusSummary): StatusSummary {
  return trouble ? { ...trouble, sentence: `${trouble.sentence} ${state.sentence}` } : state
}

function connected(peers: StatusFacts['peers']): StatusSummary {
  const here = peers.filter(({ status }) => status === 'connected' || status === 'syncing')
  const text = `${here.length} of ${peers.length} ${peers.length === 1 ? 'device' : 'devices'}`
  const current = here.length > 0 && here.every((peer) => peer.current)
  const sentence = here.length
    ? `Connected to ${text}${current ? ', and up to date with them' : ''}.`
    : 'None of your devices is connected right now.'
  return { text, icon: current ? 'check' : here.length ? 'refresh-cw' : 'cloud-off', tone: 'normal', sentence }
}

function attention(sentence: string): StatusSummary {
  return { text: 'Needs attention', icon: 'alert-triangle', tone: 'warning', sentence }
}
