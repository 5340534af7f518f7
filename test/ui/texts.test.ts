import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEFAULT_SETTINGS } from '../../src/engine/settings.ts'
import type { LogRecord } from '../../src/ports/logger.ts'
import { activityLine, activitySentence, filterActivity } from '../../src/ui/activity/activity-entries.ts'
import { conflictCopies, noteNameFor, noteTitle } from '../../src/ui/conflicts/conflict-copies.ts'
import { countChanges, diffRows, joinTexts } from '../../src/ui/line-diff.ts'
import {
  deviceNameProblem,
  folderProblem,
  numberProblem,
  numberRange,
  relayUrlProblem,
  settingChange,
  settingValue,
} from '../../src/ui/settings/setting-values.ts'
import { LOG } from '../support/obsidian/gallery-data.ts'

describe('two texts side by side', () => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `line ${i}\n`)

  it('marks what differs, and leaves out what is far from it', () => {
    const left = lines(20).join('')
    const right = [...lines(10), 'new\n', ...lines(20).slice(10)].join('')
    expect(diffRows(left, right).map((row) => (row.kind === 'gap' ? `gap ${row.lines}` : row.kind))).toEqual([
      'gap 7',
      'same',
      'same',
      'same',
      'changed',
      'same',
      'same',
      'same',
      'gap 7',
    ])
    expect(diffRows(left, right)).toContainEqual({ kind: 'changed', left: null, right: 'new' })
    expect(diffRows(left, right, { whole: true })).toHaveLength(21)
    expect(countChanges(left, right)).toEqual({ removed: 0, added: 1 })
  })

  it('shows an equal text as it is', () => {
    expect(diffRows('a\nb', 'a\nb')).toEqual([
      { kind: 'same', text: 'a' },
      { kind: 'same', text: 'b' },
    ])
    expect(diffRows('', '')).toEqual([])
  })

  const aText = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 }).map((words) => words.join('\n'))

  it('[V6] holds every line of both, and so does the text joined from them', () => {
    fc.assert(
      fc.property(aText, aText, (left, right) => {
        const rows = diffRows(left, right, { whole: true })
        const side = (pick: 'left' | 'right') =>
          rows.flatMap((row) => (row.kind === 'same' ? [row.text] : row.kind === 'changed' ? (row[pick] ?? []) : []))
        const plain = (text: string) => (text.match(/[^\n]*\n|[^\n]+$/g) ?? []).map((line) => line.replace('\n', ''))
        expect(side('left')).toEqual(plain(left))
        expect(side('right')).toEqual(plain(right))
        const joined = plain(joinTexts(left, right))
        for (const line of [...plain(left), ...plain(right)]) expect(joined).toContain(line)
      }),
    )
  })

  it('joins line by line, this note first', () => {
    expect(joinTexts('a\nx\nc\n', 'a\ny\nc\n')).toBe('a\nx\ny\nc\n')
    expect(joinTexts('a\nx', 'a\ny')).toBe('a\nx\ny')
  })
})

describe('[V6] conflict copies', () => {
  it('are told from notes by their names, and know whose and when', () => {
    const paths = [
      'A/Plan.md',
      'A/Plan (conflict Studio 2026-11-21 1520).md',
      'A/Plan (conflict Desk ✍️ 2026-11-20 0905) 2.md',
      'Lost (conflict Studio 2026-11-21 1520).png',
      'A/Talk (conflict of interest).md',
      'README (conflict Studio 2026-11-21 1520)',
    ]
    expect(conflictCopies(paths)).toEqual([
      { path: paths[2], original: 'A/Plan.md', hasOriginal: true, device: 'Desk ✍️', when: '2026-11-20 09:05' },
      { path: paths[1], original: 'A/Plan.md', hasOriginal: true, device: 'Studio', when: '2026-11-21 15:20' },
      { path: paths[3], original: 'Lost.png', hasOriginal: false, device: 'Studio', when: '2026-11-21 15:20' },
      { path: paths[5], original: 'README', hasOriginal: false, device: 'Studio', when: '2026-11-21 15:20' },
    ])
  })

  it('get a free name when they stay, one that is no conflict any more', () => {
    const [copy] = conflictCopies(['A/Plan (conflict Studio 2026-11-21 1520).md'])
    const taken = new Set(['A/Plan (Studio).md'])
    const name = noteNameFor(copy!, (path) => taken.has(path))
    expect(name).toBe('A/Plan (Studio 2).md')
    expect(conflictCopies([name])).toEqual([])
    expect(noteTitle(name)).toBe('Plan (Studio 2)')
  })
})

describe('the activity log', () => {
  const nameOf = (peer: string) => (peer.startsWith('3d') ? 'Home server' : 'Studio')
  const messages = (records: readonly LogRecord[]) => records.map(({ message }) => message)

  it('shows the newest first', () => {
    const all = filterActivity(LOG, { kind: 'all', search: '' }, nameOf)
    expect(messages(all)).toEqual(messages(LOG).reverse())
  })

  it.each([
    ['problems', 3],
    ['connections', 5],
    ['pairing', 1],
    ['transfers', 1],
    ['files', 2],
  ] as const)('shows %s alone', (kind, count) => {
    expect(filterActivity(LOG, { kind, search: '' }, nameOf)).toHaveLength(count)
  })

  it('finds words, also in the names of devices', () => {
    const found = filterActivity(LOG, { kind: 'connections', search: 'HOME lost' }, nameOf)
    expect(messages(found)).toEqual(['disconnected: the connection was lost'])
    expect(activitySentence(found[0]!)).toBe('Disconnected: the connection was lost')
    expect(activityLine(found[0]!, nameOf)).toMatch(/ info Home server: disconnected: the connection was lost$/)
  })

  it('leaves out what is for developers', () => {
    const debug: LogRecord = { at: 0, level: 'debug', event: 'link.x', message: 'x' }
    expect(filterActivity([debug], { kind: 'all', search: '' }, nameOf)).toEqual([])
  })
})

describe('settings', () => {
  it.each([
    ['', /name/],
    ['   ', /name/],
    ['x'.repeat(61), /60/],
    ['a\u0007b', /invisible/],
    ['a\u202eb', /invisible/],
  ])('refuses the device name %j', (name, reason) => expect(deviceNameProblem(name)).toMatch(reason))

  it.each(['Desk', ' Writing desk ✍️ ', 'Family 👨‍👩‍👧'])('takes the device name %j', (name) => {
    expect(deviceNameProblem(name)).toBeUndefined()
  })

  it('refuses what is no address of a relay', () => {
    expect(relayUrlProblem('relay.example.org')).toMatch(/https/)
    expect(relayUrlProblem('ftp://relay.example.org')).toMatch(/https/)
    expect(relayUrlProblem('https://relay.example.org')).toBeUndefined()
  })

  it('refuses numbers out of range', () => {
    const problem = numberProblem(numberRange('heartbeatMs', 1000))
    expect([1, 2, 10, 11, 2.5, NaN].map((value) => problem(value) === undefined)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ])
  })

  it('refuses a folder twice, and what is none', () => {
    expect(folderProblem('A', ['A'])).toMatch(/already/)
    expect(folderProblem('../A', [])).toMatch(/not a folder/)
    expect(folderProblem('A/B', ['A'])).toBeUndefined()
  })

  it('shows and changes each setting under its key', () => {
    const own = { ...DEFAULT_SETTINGS, relay: 'https://r.example' }
    expect(['relayMode', 'relayUrl', 'heartbeatSeconds', 'maxPeers'].map((key) => settingValue(own, key))).toEqual([
      'own',
      'https://r.example',
      5,
      16,
    ])
    expect(settingChange(own, 'relayMode', 'off')).toEqual({ relay: 'off' })
    expect(settingChange(own, 'relayMode', 'own')).toBeNull()
    expect(settingChange(own, 'relayUrl', 'nonsense')).toBeNull()
    expect(settingChange(own, 'relayUrl', ' https://s.example ')).toEqual({ relay: 'https://s.example' })
    expect(settingChange(own, 'heartbeatSeconds', 7)).toEqual({ heartbeatMs: 7_000 })
    expect(settingChange(own, 'queueDrop', 'newest')).toEqual({ queueDrop: 'newest' })
  })

  it('[E8] switches one category and leaves the others', () => {
    const some = { ...DEFAULT_SETTINGS, configCategories: ['hotkeys'] as const }
    expect(settingValue(some, 'config:hotkeys')).toBe(true)
    expect(settingValue(some, 'config:appearance')).toBe(false)
    expect(settingChange(some, 'config:appearance', true)).toEqual({ configCategories: ['appearance', 'hotkeys'] })
    expect(settingChange(some, 'config:hotkeys', false)).toEqual({ configCategories: [] })
  })
})
