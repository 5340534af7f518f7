import type { PeerReport } from '../../engine/device.ts'
import type { PendingConsent } from '../../engine/consent.ts'
import type { SyncCondition } from '../face.ts'
import { errorSentence } from './error-sentence.ts'
import { formatNumber } from './format.ts'
import { needsAttention } from './peer-sentence.ts'
import { filesSentence, type SyncProgress } from './sync-progress.ts'

export interface StatusFacts {
  readonly condition: SyncCondition
  readonly peers: readonly Pick<PeerReport, 'status' | 'state' | 'current' | 'held' | 'record'>[]
  readonly consent: PendingConsent | null
  /** Of the vault's share; null when it did not fail. */
  readonly shareError: Error | null
  readonly progress: SyncProgress | null
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
export function statusSummary({ condition, peers, consent, shareError, progress }: StatusFacts): StatusSummary {
  switch (condition.kind) {
    case 'starting':
      return { text: 'Starting', icon: 'refresh-cw', tone: 'normal', sentence: 'Sync is starting.' }
    case 'paused':
      return { text: 'Paused', icon: 'pause', tone: 'normal', sentence: 'Sync is paused on this device.' }
    case 'failed':
      return { text: 'Needs attention', icon: 'alert-triangle', tone: 'error', sentence: condition.message }
    case 'offline':
      return { text: 'Offline', icon: 'cloud-off', tone: 'warning', sentence: condition.message }
    case 'running':
      break
  }
  if (consent) return attention('A large change waits for your word.')
  if (shareError) return { ...attention(errorSentence(shareError).what), tone: 'error' }
  const troubled = peers.filter((peer) => needsAttention(peer))
  if (troubled.length > 0) return attention(`${troubled[0]!.record.name} needs your attention.`)
  if (peers.length === 0)
    return { text: 'No devices', icon: 'refresh-cw-off', tone: 'normal', sentence: 'No other device is paired yet.' }
  if (progress && progress.filesTotal > 0) {
    const text = `Syncing ${formatNumber(progress.filesDone)} of ${formatNumber(progress.filesTotal)}`
    return { text, icon: 'refresh-cw', tone: 'normal', sentence: `Syncing ${filesSentence(progress)}.` }
  }
  return connected(peers)
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
