import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { damagedName, readData, withPeers, withSettings, type JsonObject } from '../../src/ports/data-file.ts'
import { anId } from '../support/sample-messages.ts'
import { aPeerRecord } from '../support/sample-records.ts'

const SELF = anId(1)
const OTHER = anId(2)

const aFile = (change: object = {}): JsonObject => ({ version: 1, deviceId: SELF, settings: {}, peers: [], ...change })
function good(value: unknown, self = SELF) {
  const reading = readData(value, self)
  if (reading.kind !== 'good') throw new Error(`read as ${reading.kind}`)
  return reading
}
const idsIn = (value: unknown, self = SELF) => good(value, self).peers.map(({ nodeId }) => nodeId)

describe('reading data.json', () => {
  it('[C2] gives the settings and the records as they are, unknown fields too', () => {
    const peer = { ...aPeerRecord(3), colour: 'red' }
    expect(good(aFile({ settings: { maxPeers: 3 }, peers: [peer] }))).toMatchObject({
      settings: { maxPeers: 3 },
      peers: [peer],
      problems: [],
    })
  })

  it('finds an empty device in an empty object: nothing has been chosen yet', () => {
    expect(good({})).toMatchObject({ settings: {}, peers: [], problems: [] })
  })

  it.each([
    null,
    undefined,
    [[]],
    'text',
    5,
    { version: 0 },
    { version: 'x' },
    { version: -1 },
    { settings: [] },
    { settings: 'x' },
    { peers: {} },
    { deviceId: 5 },
    { deviceId: { toString: 1 } },
    { otherDevices: [] },
  ])('calls %j damaged', (value) => {
    expect(readData(value, SELF).kind).toBe('damaged')
  })

  it('keeps what can be used of a damaged one', () => {
    const reading = readData({ settings: 5, peers: [aPeerRecord(3)], extra: 1 }, SELF)
    expect(reading).toEqual({
      kind: 'damaged',
      why: 'its settings are none',
      rest: { peers: [aPeerRecord(3)], extra: 1 },
    })
  })

  it('leaves a newer version alone, whatever it holds', () => {
    expect(readData({ version: 2, settings: 5 }, SELF)).toEqual({ kind: 'newer', version: 2 })
  })

  it.each([
    null,
    'text',
    {},
    { ...aPeerRecord(4), nodeId: 'x' },
    { ...aPeerRecord(4), nodeId: anId(0xab).toUpperCase() },
    { ...aPeerRecord(4), name: 5 },
    { ...aPeerRecord(4), name: 'x'.repeat(1_001) },
    { ...aPeerRecord(4), ticket: null },
    { ...aPeerRecord(4), ticket: 'x'.repeat(10_001) },
    { ...aPeerRecord(4), autoConnect: 'yes' },
  ])('[C2] leaves out the one record that makes no sense, says so, and reads the others: %#', (bad) => {
    const reading = good(aFile({ peers: [aPeerRecord(3), bad, aPeerRecord(5)] }))
    expect(reading.peers.map(({ nodeId }) => nodeId)).toEqual([anId(3), anId(5)])
    expect(reading.problems).toEqual([expect.stringMatching(/^entry 2 .*cannot be read.*stays in data\.json/)])
  })

  it('takes times that make no sense for unknown', () => {
    const [peer] = good(aFile({ peers: [{ ...aPeerRecord(3), addedAt: 'x', lastSyncAt: 1e300 }] })).peers
    expect(peer).toMatchObject({ addedAt: 0, lastSyncAt: null })
  })

  it('[P6] takes no notice of this device in its own list, nor of a second record of one device', () => {
    const peers = [
      aPeerRecord(1),
      aPeerRecord(3, { name: 'first' }),
      aPeerRecord(3, { name: 'second' }),
      aPeerRecord(4),
    ]
    const reading = good(aFile({ peers }))
    expect(reading.peers.map(({ name }) => name)).toEqual(['first', 'device 4'])
    expect(reading.problems).toEqual([])
  })

  it('names ten faults and counts the rest', () => {
    const { problems } = good(aFile({ peers: Array.from({ length: 500 }, () => null) }))
    expect(problems).toHaveLength(11)
    expect(problems.at(-1)).toBe('and 490 more like that')
  })

  it('[P6] uses no list that came with the data.json of another device, and says so', () => {
    const reading = good(aFile({ deviceId: OTHER, peers: [aPeerRecord(3)] }))
    expect(reading.peers).toEqual([])
    expect(reading.problems).toEqual([expect.stringMatching(/comes from another device/)])
  })

  it('gives something for any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(['good', 'damaged', 'newer']).toContain(readData(value, SELF).kind)
      }),
    )
  })
})

describe('changing data.json', () => {
  it('[C2] new peers leave settings, unknown fields and records that cannot be read where they are', () => {
    const broken = { nodeId: 'x', note: 'by hand' }
    const before = aFile({ settings: { maxPeers: 3, odd: 1 }, extra: [1], peers: [aPeerRecord(3), broken] })
    const after = withPeers(before, SELF, [aPeerRecord(4)])
    expect(after).toEqual({ ...before, peers: [aPeerRecord(4), broken] })
  })

  it('[P5] a device that was removed does not come back by a second record of it, readable or not', () => {
    const peers = [aPeerRecord(3), aPeerRecord(3, { name: 'twin' }), { ...aPeerRecord(3), name: 5 }]
    expect(withPeers(aFile({ peers }), SELF, []).peers).toEqual([])
  })

  it('[P5] nor by a broken record of one that was paired again meanwhile', () => {
    const broken = { ...aPeerRecord(3), name: 5 }
    const paired = withPeers(aFile({ peers: [broken] }), SELF, [aPeerRecord(3)])
    expect(withPeers(paired, SELF, []).peers).toEqual([])
  })

  it('stamps the list with the device that it belongs to', () => {
    expect(withPeers({}, SELF, [aPeerRecord(3)])).toEqual({ deviceId: SELF, peers: [aPeerRecord(3)] })
  })

  it('[P6] [C12] two devices that are given one data.json by turns keep a list each', () => {
    const first = withPeers({}, SELF, [aPeerRecord(3)])
    const second = withPeers(first, OTHER, [aPeerRecord(4)])
    expect([idsIn(second, SELF), idsIn(second, OTHER)]).toEqual([[anId(3)], [anId(4)]])
    const third = withPeers(second, SELF, [aPeerRecord(3), aPeerRecord(5)])
    expect([idsIn(third, SELF), idsIn(third, OTHER)]).toEqual([[anId(3), anId(5)], [anId(4)]])
    expect(Object.keys(third.otherDevices as object)).toEqual([OTHER])
  })

  it('changed settings leave all else as it is, other values that make no sense too', () => {
    const before = aFile({ settings: { maxPeers: 'x', odd: 1, relay: 'off' }, extra: 1, peers: [aPeerRecord(3)] })
    const after = withSettings(before, { relay: undefined, debounceMs: 500 })
    expect(after).toEqual({ ...before, settings: { maxPeers: 'x', odd: 1, debounceMs: 500 } })
  })

  it('keeps every unknown key, whatever the change', () => {
    const changes = fc.constantFrom<(data: JsonObject) => JsonObject>(
      (data) => withPeers(data, SELF, [aPeerRecord(3)]),
      (data) => withPeers(data, OTHER, []),
      (data) => withSettings(data, { relay: 'off' }),
      (data) => withSettings(data, { relay: undefined }),
    )
    const unknown = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor')).map((key) => `${key}`),
      fc.jsonValue(),
    )
    fc.assert(
      fc.property(unknown, unknown, changes, (extra, settings, change) => {
        const own = ['version', 'deviceId', 'settings', 'peers', 'otherDevices']
        const before = { ...extra, version: 1, deviceId: SELF, settings, peers: [], otherDevices: {} }
        const after = JSON.parse(JSON.stringify(change(before))) as Record<string, unknown>
        for (const [key, value] of Object.entries(extra))
          if (!own.includes(key)) expect(JSON.stringify(after[key])).toBe(JSON.stringify(value))
        for (const [key, value] of Object.entries(settings))
          if (key !== 'relay')
            expect(JSON.stringify((after.settings as Record<string, unknown>)[key])).toBe(JSON.stringify(value))
      }),
    )
  })
})

describe('the name of a damaged file', () => {
  it('is never one that is taken', () => {
    const taken = new Set(['data.json.damaged-1', 'data.json.damaged-2', 'data.json.damaged-4'])
    expect(damagedName('data.json', (name) => taken.has(name))).toBe('data.json.damaged-3')
  })
})
