import { describe, expect, it } from 'vitest'
import type { PendingConsent } from '../../src/engine/consent.ts'
import { parseVaultPath } from '../../src/objects/vault-path.ts'
import { PairingError, StoreError, TransportError, VaultError } from '../../src/ports/errors.ts'
import { consentWords } from '../../src/ui/words/consent-sentence.ts'
import { errorSentence } from '../../src/ui/words/error-sentence.ts'
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatCountdown,
  formatList,
  formatMoment,
  formatWait,
} from '../../src/ui/words/format.ts'
import { needsAttention, peerSentence } from '../../src/ui/words/peer-sentence.ts'
import { statusSummary, type StatusFacts } from '../../src/ui/words/status-summary.ts'
import {
  amountSentence,
  progressSentence,
  sumProgress,
  timeLeft,
  type PeerTransfers,
} from '../../src/ui/words/sync-progress.ts'
import { distanceSentence, lastErrorSentence, TRAFFIC_FACTS } from '../../src/ui/words/traffic-facts.ts'
import { ALL_PEERS, aPeer, FEW_PEERS, NOW } from '../support/obsidian/gallery-data.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const PROGRESS = { filesDone: 12, filesTotal: 40, bytesDone: 1_000_000, bytesTotal: 4_000_000, startedAt: NOW - 10_000 }

describe('numbers and times', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_000, '1.0 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [34_500_000, '34.5 MB'],
    [2 ** 30, '1.1 GB'],
  ])('a size of %d bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text))

  it.each([
    [NOW + HOUR, 'just now'],
    [NOW - 59 * SECOND, 'just now'],
    [NOW - MINUTE, '1 minute ago'],
    [NOW - 59 * MINUTE, '59 minutes ago'],
    [NOW - 2 * HOUR, '2 hours ago'],
    [NOW - DAY, 'yesterday'],
    [NOW - 3 * DAY, '3 days ago'],
  ])('a time ago', (at, text) => expect(formatAgo(at, NOW)).toBe(text))

  it('a time long ago is a date', () => {
    expect(formatAgo(NOW - 60 * DAY, NOW)).toMatch(/^on 2026-09-2\d$/)
    expect(formatMoment(NOW, 60)).toBe('2026-11-21 16:20')
  })

  it.each([
    [-5, '0:00'],
    [1, '0:01'],
    [545_000, '9:05'],
    [600_000, '10:00'],
  ])('a countdown of %d ms', (ms, text) => expect(formatCountdown(ms)).toBe(text))

  it.each([
    [0, '1 s'],
    [19_100, '20 s'],
    [59_500, '1 min'],
    [180_000, '3 min'],
    [2 * HOUR, '2 h'],
  ])('a wait of %d ms', (ms, text) => expect(formatWait(ms)).toBe(text))

  it('counts and lists', () => {
    expect(formatCount(1, 'file')).toBe('1 file')
    expect(formatCount(1_200, 'copy', 'copies')).toBe('1,200 copies')
    expect(formatList(['a'])).toBe('a')
    expect(formatList(['a', 'b', 'c'])).toBe('a, b and c')
  })
})

describe('[L10] the sentence of a peer', () => {
  const sentences = Object.fromEntries(ALL_PEERS.map((peer) => [peer.name, peerSentence(peer, NOW)]))

  it('tells every state apart', () => {
    expect(sentences).toEqual({
      Direct: 'Connected directly · up to date',
      Studio: 'Connected through a relay · syncing',
      Local: 'Connected on the local network · up to date',
      Connecting: 'Connecting…',
      'Home server': 'Last seen 2 hours ago · retrying in 20 s',
      Silent: 'Not answering',
      Old: 'Needs an update on that device',
      Gone: 'Removed this device: pair again',
      Held: 'Disconnected by you',
      New: 'Not in step yet · retrying in 4 s',
    })
  })

  it('tells how much has come', () => {
    const [receiving, sending] = [PROGRESS, { ...PROGRESS, filesDone: 1, filesTotal: 1 }]
    const sentence = (transfers: PeerTransfers) => peerSentence(FEW_PEERS[1]!, NOW, transfers)
    expect(sentence({ receiving })).toBe('Connected through a relay · receiving 12 of 40 files')
    expect(sentence({ sending: PROGRESS })).toBe('Connected through a relay · sending 12 of 40 files')
    expect(sentence({ receiving, sending })).toMatch(/ · receiving 12 of 40 files, sending 1 of 1 file$/)
    expect(sentence({ receiving: { ...PROGRESS, filesTotal: 0 } })).toBe('Connected through a relay · syncing')
  })

  it('says so when the other one has not caught up', () => {
    expect(peerSentence(aPeer(1, 'A', { link: 'connected' }), NOW)).toBe('Connected · catching up')
  })

  it('says that a person disconnected it where one did, and does not guess', () => {
    const fault = { at: NOW, code: 'timeout', message: '' }
    expect(peerSentence(aPeer(1, 'A', { held: true, lastError: fault }), NOW)).toBe('Disconnected by you')
    expect(peerSentence(aPeer(1, 'A'), NOW)).toBe('Last seen 2 hours ago')
    expect(peerSentence(aPeer(1, 'A', { autoConnect: false }), NOW)).toBe('Last seen 2 hours ago')
  })

  it('asks for attention only where another attempt does not help', () => {
    expect(ALL_PEERS.filter((peer) => needsAttention(peer)).map(({ name }) => name)).toEqual(['Old', 'Gone'])
  })
})

describe('[L10] the numbers of a device', () => {
  it('are told a row each', () => {
    const numbers = {
      ...{ bytesSent: 48_200_000, bytesReceived: 3_140_000, messagesSent: 1_812, messagesReceived: 745 },
      ...{ queueDepth: 3, drops: 1, reconnects: 2 },
    }
    expect(TRAFFIC_FACTS.map(({ name, read }) => `${name}: ${read(numbers)}`)).toEqual([
      'Transferred: 3.1 MB received, 48.2 MB sent',
      'Messages: 745 received, 1,812 sent',
      'Messages that wait to be sent: 3',
      'Messages dropped from a full queue: 1',
      'Reconnections: 2',
    ])
  })

  it('say how far the vaults are apart, also that nobody knows', () => {
    expect(distanceSentence({ ahead: 3, behind: 1_200 })).toBe('3 ahead, 1,200 behind')
    expect(distanceSentence({ ahead: 0, behind: 0 })).toBe('None')
    expect([null, undefined].map((files) => distanceSentence(files))).toEqual(['Not known', 'Not known'])
  })

  it('tell the last error as a sentence', () => {
    expect(lastErrorSentence({ at: NOW - HOUR, code: 'timeout', message: 'no answer.' }, NOW)).toBe(
      'No answer (1 hour ago)',
    )
    expect(lastErrorSentence(null, NOW)).toBe('None')
  })
})

describe('the summary in the status bar', () => {
  const facts = (changes: Partial<StatusFacts> = {}): StatusFacts => ({
    condition: { kind: 'running' },
    peers: FEW_PEERS,
    consent: null,
    shareError: null,
    progress: null,
    writing: null,
    staysHere: [],
    ...changes,
  })
  const pending: PendingConsent = { direction: 'incoming', deletes: [], overwrites: [], key: 'k' }

  it.each<[string, string, Partial<StatusFacts>]>([
    ['2 of 3 devices', 'normal', {}],
    ['Syncing 12 of 40', 'normal', { progress: PROGRESS, writing: { filesDone: 3, filesTotal: 12 } }],
    ['Writing 3 of 12', 'normal', { writing: { filesDone: 3, filesTotal: 12 } }],
    ['No devices', 'normal', { peers: [] }],
    ['Starting', 'normal', { condition: { kind: 'starting' } }],
    ['Paused', 'normal', { condition: { kind: 'paused' } }],
    ['Offline', 'warning', { condition: { kind: 'offline', reason: 'no-component', message: 'No component.' } }],
    ['Needs attention', 'error', { condition: { kind: 'failed', message: 'It failed.' } }],
    ['Needs attention', 'warning', { consent: pending }],
    ['Needs attention', 'error', { shareError: new Error('disk') }],
    ['Needs attention', 'warning', { peers: ALL_PEERS }],
  ])('%s (%s)', (text, tone, changes) => {
    const summary = statusSummary(facts(changes))
    expect(summary).toMatchObject({ text, tone })
    expect(summary.sentence).toMatch(/^[A-Z].*\.$/)
  })

  const offline = { kind: 'offline', reason: 'unsupported', message: 'No component for phones.' } as const

  it.each([
    ['offline', offline, 'No component for phones.'],
    ['paused', { kind: 'paused' } as const, 'Sync is paused on this device.'],
  ])('while %s tells also what is wrong with the vault itself', (_, condition, state) => {
    const shareError = new VaultError('disk-full', 'no space')
    expect(statusSummary(facts({ condition, shareError }))).toMatchObject({
      ...{ text: 'Needs attention', tone: 'error', sentence: `The disk is full. ${state}` },
    })
    expect(statusSummary(facts({ condition, consent: pending }))).toMatchObject({
      ...{ text: 'Needs attention', tone: 'warning', sentence: `A large change waits for your word. ${state}` },
    })
  })

  it('[S5] tells what stays here because it may only be read', () => {
    const staysHere = ['Ada lets this device only read: what is changed here stays here.']
    expect(statusSummary(facts({ staysHere })).sentence).toBe(
      'Connected to 2 of 3 devices. Ada lets this device only read: what is changed here stays here.',
    )
  })

  it('is one device where there is one', () => {
    const one = [aPeer(1, 'A', { link: 'connected', current: true })]
    expect(statusSummary(facts({ peers: one }))).toMatchObject({ text: '1 of 1 device', icon: 'check' })
  })
})

describe('[E9] the progress of the first sync', () => {
  it('tells bytes and the time left at the speed so far', () => {
    expect(timeLeft(PROGRESS, NOW)).toBe(30_000)
    expect(amountSentence(PROGRESS, NOW)).toBe('1.0 MB of 4.0 MB · about 30 s left')
  })

  it('promises no time before it can know', () => {
    expect(timeLeft({ ...PROGRESS, startedAt: NOW - 100 }, NOW)).toBeNull()
    expect(timeLeft({ ...PROGRESS, bytesTotal: 0 }, NOW)).toBeNull()
    expect(amountSentence({ ...PROGRESS, bytesTotal: 0, bytesDone: 0 }, NOW)).toBe('')
  })

  it('tells that the history comes first, of which nobody knows how much it is', () => {
    expect(progressSentence({ ...PROGRESS, filesTotal: 0, bytesTotal: 0 }, NOW)).toBe(
      'The history comes first · 1.0 MB',
    )
    expect(progressSentence(PROGRESS, NOW)).toBe('12 of 40 files · 1.0 MB of 4.0 MB · about 30 s left')
  })

  it('does not add up what is known and what is not', () => {
    expect(sumProgress([PROGRESS, { ...PROGRESS, filesTotal: 0, bytesTotal: 0 }])).toEqual(PROGRESS)
  })

  it('adds up the transfers of several devices', () => {
    expect(sumProgress([])).toBeNull()
    expect(sumProgress([PROGRESS, { ...PROGRESS, startedAt: NOW }])).toEqual({
      filesDone: 24,
      filesTotal: 80,
      bytesDone: 2_000_000,
      bytesTotal: 8_000_000,
      startedAt: PROGRESS.startedAt,
    })
  })
})

describe('errors in words', () => {
  const codes = ['bad-link', 'expired', 'used', 'mismatch', 'self', 'declined', 'rate-limited', 'timeout'] as const
  const errors = [
    ...codes.map((code) => new PairingError(code, 'x')),
    new PairingError('too-many-peers', 'x'),
    ...(['unreachable', 'timeout', 'disconnected', 'reset', 'aborted', 'closed'] as const).map(
      (code) => new TransportError(code, 'x'),
    ),
    ...(['bad-ticket', 'bind-failed', 'no-native'] as const).map((code) => new TransportError(code, 'x')),
    new VaultError('disk-full', 'x'),
    new StoreError('damaged', 'x'),
    new Error('the moon is full'),
  ]

  it.each(errors.map((error) => [`${error.name} ${'code' in error ? error.code : ''}`, error] as const))(
    '%s says what happened and what to do',
    (_, error) => {
      const { what, next } = errorSentence(error)
      expect(what).toMatch(/^[A-Z].*\.$/)
      expect(next).toMatch(/^[A-Z].*\.$/)
    },
  )

  it('tells one from the other', () => {
    const said = errors.map((error) => errorSentence(error).what)
    expect(new Set(said).size).toBe(said.length)
    expect(said.at(-1)).toContain('the moon is full')
  })
})

describe('[E3] the question for consent', () => {
  const paths = (count: number) => Array.from({ length: count }, (_, i) => parseVaultPath(`${i}.md`))

  it('says who asks for what', () => {
    const incoming = consentWords({ direction: 'incoming', deletes: paths(62), overwrites: paths(1), key: '' })
    expect(incoming.what).toBe('Your other devices ask this vault to delete 62 files and replace the text of 1 file.')
    expect([incoming.yes, incoming.no]).toEqual(['Approve', 'Keep mine'])
    const local = consentWords({ direction: 'local', deletes: paths(80), overwrites: [], key: '' })
    expect(local.what).toBe('80 files are gone from this vault since the last look.')
    expect([local.yes, local.no]).toEqual(['Delete everywhere', 'Bring them back'])
  })

  it('does not speak of what is not asked', () => {
    const { what } = consentWords({ direction: 'incoming', deletes: [], overwrites: paths(60), key: '' })
    expect(what).toBe('Your other devices ask this vault to replace the text of 60 files.')
  })
})
