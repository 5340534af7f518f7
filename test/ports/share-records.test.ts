import { describe, expect, it } from 'vitest'
import { readData, readShares, withPeers, withShares, type JsonObject } from '../../src/ports/data-file.ts'
import type { ShareRecord } from '../../src/ports/share-record.ts'
import { anId } from '../support/sample-messages.ts'

const SELF = anId(1)
const OTHER = anId(2)
const aShare = (n: number, change: object = {}): ShareRecord => ({
  id: n.toString(16).padStart(32, '0'),
  folder: `Folder ${n}`,
  title: `share ${n}`,
  createdAt: 1,
  from: null,
  access: null,
  ...change,
})
const aFile = (change: object = {}): JsonObject => ({
  version: 1,
  deviceId: SELF,
  settings: { a: 1 },
  peers: [],
  ...change,
})

describe('folder shares in data.json', () => {
  it('are none in a file of before', () => {
    expect(readShares(aFile(), SELF)).toEqual([])
    expect(readData(aFile(), SELF).kind).toBe('good')
  })

  it('come back as they were stored, unknown fields too, and leave the rest of the file whole', () => {
    const shares = [aShare(1, { colour: 'red' }), aShare(2, { from: OTHER, access: 'read' })]
    const data = withShares(aFile({ extra: 5 }), SELF, shares)
    expect(readShares(data, SELF)).toEqual(shares)
    expect(data).toEqual(aFile({ extra: 5, shares }))
    expect(readShares(withPeers(data, SELF, []), SELF)).toEqual(shares)
  })

  it.each([
    5,
    null,
    { id: 'x' },
    aShare(1, { id: '../../etc' }),
    aShare(1, { id: 'A'.repeat(32) }),
    aShare(1, { folder: 5 }),
    aShare(1, { from: 'nobody' }),
    aShare(1, { access: 'all' }),
  ])('that make no sense are left out and stay in the file: %j', (entry) => {
    const data = aFile({ shares: [entry, aShare(2)] })
    expect(readShares(data, SELF)).toEqual([aShare(2)])
    expect(withShares(data, SELF, [aShare(3)]).shares).toEqual([aShare(3), entry])
  })

  it('are a damaged file when they are no list', () => {
    expect(readData(aFile({ shares: {} }), SELF)).toMatchObject({ kind: 'damaged', why: 'its list of shares is none' })
  })

  it('[P6] of another device are not ours, wait for it, and ours come back', () => {
    const theirs = aFile({ deviceId: OTHER, shares: [aShare(1)] })
    expect(readShares(theirs, SELF)).toEqual([])
    const ours = withShares(theirs, SELF, [aShare(2)])
    expect([readShares(ours, SELF), readShares(ours, OTHER)]).toEqual([[aShare(2)], [aShare(1)]])
    const back = withPeers(ours, OTHER, [])
    expect([readShares(back, SELF), readShares(back, OTHER)]).toEqual([[aShare(2)], [aShare(1)]])
  })
})
