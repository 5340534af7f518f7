import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canReveal, canWrite, grantOf, rightsOf, withGrant, type GrantContext } from '../../src/peers/grants.ts'
import type { PeerRecord } from '../../src/ports/data-store.ts'
import { anId } from '../support/sample-messages.ts'

const PEER = anId(2)
const SHARE = 'ab'.repeat(16)

const record = (grants?: unknown): PeerRecord =>
  ({
    nodeId: PEER,
    name: 'Bob',
    ticket: 't',
    addedAt: 0,
    lastSyncAt: null,
    autoConnect: true,
    ...(grants === undefined ? {} : { grants }),
  }) as PeerRecord
const context = (of: PeerRecord | undefined): GrantContext => ({ record: (id) => (id === PEER ? of : undefined) })
const may = (of: PeerRecord | undefined, share: string) => [
  canReveal(context(of), PEER, share),
  canWrite(context(of), PEER, share),
]

describe('[S1] what a peer may do', () => {
  it('is everything in the whole vault, and nothing else, for a device of the same person', () => {
    expect([may(record(), 'vault'), may(record(), SHARE)]).toEqual([
      [true, true],
      [false, false],
    ])
  })

  it('is what its list says, share by share', () => {
    const one = record({ [SHARE]: 'read', other: 'write' })
    expect([may(one, SHARE), may(one, 'other'), may(one, 'vault')]).toEqual([
      [true, false],
      [true, true],
      [false, false],
    ])
  })

  it.each([null, 'write', 5, [], ['vault'], { vault: 'all' }, { vault: true }, { vault: null }])(
    'is nothing when the list makes no sense: %j',
    (grants) => expect(may(record(grants), 'vault')).toEqual([false, false]),
  )

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('is nothing in a share called %s', (share) => {
    expect(may(record({}), share)).toEqual([false, false])
  })

  it('is nothing for a device that is not paired, and when the context cannot be computed', () => {
    expect(may(undefined, 'vault')).toEqual([false, false])
    const broken: GrantContext = {
      record: () => {
        throw new Error('the list cannot be read')
      },
    }
    expect([canReveal(broken, PEER, 'vault'), canWrite(broken, PEER, 'vault')]).toEqual([false, false])
  })

  it('is asked of the record as it is at that moment', () => {
    let now = record({ [SHARE]: 'write' })
    const rights = rightsOf({ record: () => now }, PEER)
    expect([rights.reveal(SHARE), rights.write(SHARE)]).toEqual([true, true])
    now = record({ [SHARE]: 'read' })
    expect([rights.reveal(SHARE), rights.write(SHARE)]).toEqual([true, false])
    now = record({})
    expect([rights.reveal(SHARE), rights.write(SHARE)]).toEqual([false, false])
  })

  it('never writes what it may not see, whatever is stored', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string(), (grants, share) => {
        const [reveal, write] = may(record(grants), share)
        return reveal === true || write === false
      }),
    )
  })
})

describe('a grant', () => {
  const grants = fc.dictionary(fc.constantFrom('vault', 'a', 'b'), fc.constantFrom('read' as const, 'write' as const))

  it('is given, changed and taken back, and touches no other', () => {
    const grant = fc.constantFrom('read' as const, 'write' as const, null)
    fc.assert(
      fc.property(
        fc.option(grants, { nil: undefined }),
        fc.constantFrom('vault', 'a', 'b'),
        grant,
        (list, share, to) => {
          const before = record(list)
          const after = record(withGrant(before, share, to))
          expect(grantOf(after, share)).toBe(to)
          for (const other of ['vault', 'a', 'b'])
            if (other !== share) expect(grantOf(after, other)).toBe(grantOf(before, other))
        },
      ),
    )
  })

  it('that is taken back from a device of the same person leaves it nothing', () => {
    expect(withGrant(record(), 'vault', null)).toEqual({})
    expect(may(record(withGrant(record(), 'vault', null)), 'vault')).toEqual([false, false])
  })
})
