import { describe, expect, it, vi } from 'vitest'
import { peerStatus, PeerStates, type LinkPhase, type PeerState } from '../../src/peers/peer-states.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { anId } from '../support/sample-messages.ts'

const PHASES: readonly LinkPhase[] = ['disconnected', 'connecting', 'connected', 'disconnecting']
/** From each phase, the way from `disconnected` to it. */
const WAY: Record<LinkPhase, readonly LinkPhase[]> = {
  disconnected: [],
  connecting: ['connecting'],
  connected: ['connected'],
  disconnecting: ['connected', 'disconnecting'],
}
const ALLOWED = new Set([
  'disconnected>connecting',
  'disconnected>connected',
  'connecting>connected',
  'connecting>disconnecting',
  'connecting>disconnected',
  'connected>disconnecting',
  'connected>disconnected',
  'disconnecting>disconnected',
])

function at(phase: LinkPhase): PeerStates {
  const states = new PeerStates()
  states.add(anId(1))
  for (const link of WAY[phase]) states.update(anId(1), { link })
  return states
}

describe('PeerStates', () => {
  it.each(PHASES.flatMap((from) => PHASES.map((to) => [from, to] as const)))('[L1] from %s to %s', (from, to) => {
    const states = at(from)
    const seen: PeerState[] = []
    states.onChange(({ state }) => seen.push(state))
    const update = () => states.update(anId(1), { link: to })
    if (from === to) {
      update()
      expect(seen).toEqual([]) // no news
    } else if (ALLOWED.has(`${from}>${to}`)) {
      expect(update().link).toBe(to)
      expect(seen.map((s) => s.link)).toEqual([to])
    } else {
      expect(update).toThrow(RangeError)
      expect([states.get(anId(1))?.link, seen]).toEqual([from, []])
    }
    expect(states.isAvailable(anId(1))).toBe(states.get(anId(1))?.link === 'connected')
    expect(states.connected()).toEqual(states.isAvailable(anId(1)) ? [anId(1)] : [])
  })

  it('[L1] has changed before its event fires: who asks sees the new value', () => {
    const states = at('connecting')
    const asked: unknown[] = []
    states.onChange(({ before, state }) =>
      asked.push([
        before.link,
        state.link,
        states.get(anId(1)) === state,
        states.isAvailable(anId(1)),
        states.connected(),
      ]),
    )
    states.update(anId(1), { link: 'connected' })
    states.update(anId(1), { link: 'disconnected' })
    expect(asked).toEqual([
      ['connecting', 'connected', true, true, [anId(1)]],
      ['connected', 'disconnected', true, false, []],
    ])
  })

  it('[L1] tells every listener although one throws, and reports who threw', () => {
    const onError = vi.fn()
    const states = new PeerStates(onError)
    states.add(anId(1))
    const heard: string[] = []
    states.onChange(() => heard.push('first'))
    states.onChange(() => {
      throw new Error('a listener')
    })
    states.onChange(() => heard.push('last'))
    states.update(anId(1), { link: 'connecting' })
    expect(heard).toEqual(['first', 'last'])
    expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'a listener' }))
  })

  it('tells nobody who left, also when it leaves while it is told', () => {
    const states = at('disconnected')
    const heard: string[] = []
    const leave = states.onChange(() => {
      heard.push('once')
      leave()
    })
    states.onChange(() => heard.push('always'))
    states.update(anId(1), { link: 'connecting' })
    states.update(anId(1), { link: 'connected' })
    expect(heard).toEqual(['once', 'always', 'always'])
  })

  it('[L1] derives the four words that people see', () => {
    const base = at('connected').get(anId(1))!
    const word = (link: LinkPhase, activity: 'idle' | 'syncing') => peerStatus({ ...base, link, activity })
    expect(PHASES.map((link) => word(link, 'idle'))).toEqual([
      'disconnected',
      'connecting',
      'connected',
      'disconnected',
    ])
    expect(PHASES.map((link) => word(link, 'syncing'))).toEqual([
      'disconnected',
      'connecting',
      'syncing',
      'disconnected',
    ])
  })

  it('knows nobody that was not added, and forgets who was removed', () => {
    const states = at('connected')
    expect(() => states.update(anId(2), { link: 'connecting' })).toThrow(RangeError)
    states.add(anId(1)) // known already: stays connected
    expect(states.isAvailable(anId(1))).toBe(true)
    states.remove(anId(1))
    expect([states.get(anId(1)), states.isAvailable(anId(1)), states.connected(), states.all()]).toEqual([
      undefined,
      false,
      [],
      [],
    ])
  })

  it('[L1] keeps look-ups and events right with 1,000 peers and 1,000 listeners', () => {
    const ids = Array.from({ length: 1000 }, (_, i) => i.toString(16).padStart(64, '0') as EndpointId)
    const states = new PeerStates()
    let told = 0
    for (let i = 0; i < 1000; i++) states.onChange(() => told++)
    for (const id of ids) states.add(id)
    for (const id of ids) states.update(id, { link: 'connected' })
    expect([told, states.connected().length, states.all().length]).toEqual([1_000_000, 1000, 1000])
    expect(ids.every((id) => states.isAvailable(id) && states.get(id)?.id === id)).toBe(true)
  })
})
