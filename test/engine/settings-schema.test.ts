import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  allowedValues,
  readSettings,
  SETTING_KEYS,
  settingProblem,
  SETTINGS_SCHEMA,
} from '../../src/engine/settings-schema.ts'
import { settingsOptions } from '../../src/engine/settings-options.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../src/engine/settings.ts'
import { withSettings } from '../../src/ports/data-file.ts'
import { LINK_TIMES } from '../../src/protocol/link-session.ts'
import { QUEUE_OPTIONS } from '../../src/protocol/send-queue.ts'

describe('the schema of the settings', () => {
  it('has an entry for every setting, whose default is allowed and whose description is a sentence', () => {
    expect([...SETTING_KEYS].sort()).toEqual(Object.keys(DEFAULT_SETTINGS).sort())
    for (const key of SETTING_KEYS) {
      expect(SETTINGS_SCHEMA[key].default).toBe(DEFAULT_SETTINGS[key])
      expect(settingProblem(key, DEFAULT_SETTINGS[key])).toBeUndefined()
      expect(SETTINGS_SCHEMA[key].description).toMatch(/^[A-Z].*\.$/)
      expect(allowedValues(SETTINGS_SCHEMA[key])).not.toBe('')
    }
  })

  const limits: [keyof Settings, number, number][] = [
    ['maxPeers', 1, 1_000], // C11
    ['heartbeatMs', 2_000, 10_000], // L6
    ['queueLimit', 10, 10_000],
    ['queueWaitMs', 0, 10_000],
    ['debounceMs', 50, 60_000],
  ]
  it.each(limits)('[L6] [L7] [C11] %s takes whole numbers from %d to %d', (key, min, max) => {
    for (const good of [min, max]) expect(settingProblem(key, good)).toBeUndefined()
    for (const bad of [min - 1, max + 1, min + 0.5, NaN, Infinity, -Infinity, String(min), null, true, [min], {}])
      expect(settingProblem(key, bad)).toContain(`${key} must be a whole number from `)
  })

  it('names what is allowed', () => {
    expect(settingProblem('heartbeatMs', 99_999)).toBe('heartbeatMs must be a whole number from 2,000 to 10,000 (ms)')
    expect(settingProblem('queueDrop', 'both')).toBe('queueDrop must be oldest or newest')
    expect(settingProblem('configCategories', ['hotkeys', 'themes'])).toMatch(
      /^configCategories must be a list of settings, .*: "themes" is none of them$/,
    )
    expect(settingProblem('excludedFolders', ['a', '../b'])).toMatch(/folders in the vault.*: "\.\.\/b" is no path/)
  })

  it.each(['default', 'off', 'https://relay.example.org', 'http://127.0.0.1:3340/', 'https://[::1]:443/path?x=1'])(
    'takes the relay %s',
    (relay) => expect(settingProblem('relay', relay)).toBeUndefined(),
  )

  it.each([
    '',
    'on',
    'OFF',
    'relay.example.org',
    'ftp://relay.example.org',
    'https://',
    'https://:443',
    'https://user@relay.example.org',
    'https://user:word@relay.example.org',
    'https://relay.example.org/#part',
    'https://relay.example.org#',
    ' https://relay.example.org',
    'https://relay.example.org\n',
    'https:relay.example.org',
    'https://relay.example.org:99999',
    'https://re lay.example.org',
    'javascript:alert(1)',
    `https://${'x'.repeat(2_000)}.org`,
    5,
    null,
    ['off'],
  ])('refuses the relay %j', (relay) => {
    expect(settingProblem('relay', relay)).toMatch(/^relay must be default, off, or the http\(s\) URL/)
  })

  it.each([['/a'], ['a/'], ['a//b'], ['..'], ['.git'], ['C:/x'], ['a\u0000'], [''], [5]])(
    '[E6] refuses the excluded folder %j',
    (folder) => expect(settingProblem('excludedFolders', [folder])).toBeDefined(),
  )

  it('takes 1,000 folders and no more', () => {
    const folders = Array.from({ length: 1_001 }, (_, index) => `Folder ${index}`)
    expect(settingProblem('excludedFolders', folders.slice(1))).toBeUndefined()
    expect(settingProblem('excludedFolders', folders)).toBeDefined()
  })
})

describe('reading settings', () => {
  it('gives defaults for what is missing, and keeps what was chosen', () => {
    expect(readSettings(undefined)).toEqual({ settings: DEFAULT_SETTINGS, problems: [] })
    expect(readSettings({ maxPeers: 32, localNetwork: false }).settings).toEqual({
      ...DEFAULT_SETTINGS,
      maxPeers: 32,
      localNetwork: false,
    })
  })

  it('names a wrong value, what is allowed, and what is used in its place', () => {
    const { settings, problems } = readSettings({ heartbeatMs: 99_999, maxPeers: 4, relay: { url: 1 }, odd: 'x' })
    expect(settings).toEqual({ ...DEFAULT_SETTINGS, maxPeers: 4 })
    expect(problems).toEqual([
      { key: 'relay', message: expect.stringMatching(/^settings\.relay is an object, but .*; using default$/) },
      {
        key: 'heartbeatMs',
        message:
          'settings.heartbeatMs is 99999, but heartbeatMs must be a whole number from 2,000 to 10,000 (ms); using 5000',
      },
    ])
  })

  it('[E6] compares folders in NFC, and knows each once', () => {
    const [composed, decomposed] = ['\u00dcbung', 'U\u0308bung']
    expect(readSettings({ excludedFolders: [decomposed, composed] }).settings.excludedFolders).toEqual([composed])
  })

  const json = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.oneof(fc.constantFrom<string>(...SETTING_KEYS, '__proto__', 'toString'), fc.string()),
      fc.jsonValue(),
    ),
  )

  it('never throws, and gives allowed values only, whatever JSON is stored', () => {
    fc.assert(
      fc.property(json, (raw) => {
        const { settings, problems } = readSettings(raw)
        for (const key of SETTING_KEYS) expect(settingProblem(key, settings[key])).toBeUndefined()
        for (const { message } of problems) expect(message.length).toBeLessThan(400)
      }),
      { numRuns: 1_000 },
    )
  })

  it('a change keeps every other key, known and wrong or unknown, and stores nothing that nobody chose', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(20, undefined), (raw, maxPeers) => {
        const merged = withSettings({ settings: raw }, { maxPeers }).settings as Record<string, unknown>
        const before = typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? Object.entries(raw) : []
        const others = (entries: [string, unknown][]) => JSON.stringify(entries.filter(([key]) => key !== 'maxPeers'))
        expect(others(Object.entries(merged))).toBe(others(before))
        expect(Object.hasOwn(merged, 'maxPeers') ? merged.maxPeers : undefined).toBe(maxPeers)
      }),
      { numRuns: 500 },
    )
  })
})

describe('what the engine makes of settings', () => {
  it('the defaults are those of the rules', () => {
    const options = settingsOptions(DEFAULT_SETTINGS)
    expect(options).toMatchObject({ maxPeers: 16, linkTimes: LINK_TIMES, queue: QUEUE_OPTIONS })
    expect(options.shareTimes).toMatchObject({ debounceMs: 300, debounceLimitMs: 3_000 })
  })

  it('[L6] three missed pings are unhealthy and six close, whatever the heartbeat', () => {
    expect(settingsOptions({ ...DEFAULT_SETTINGS, heartbeatMs: 2_000 }).linkTimes).toEqual({
      ...LINK_TIMES,
      pingEveryMs: 2_000,
      unhealthyAfterMs: 6_000,
      closeAfterMs: 12_000,
    })
  })

  it('a quiet time above 3 s is also how often a vault that is never quiet is committed', () => {
    expect(settingsOptions({ ...DEFAULT_SETTINGS, debounceMs: 8_000 }).shareTimes).toMatchObject({
      debounceMs: 8_000,
      debounceLimitMs: 8_000,
    })
  })
})
