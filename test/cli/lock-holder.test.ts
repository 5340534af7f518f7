import { describe, expect, it } from 'vitest'
import { judgeHolder, parseLock } from '../../src/cli/lock-holder.ts'
import type { LockHolder, LockPlace, ProcessState } from '../../src/cli/lock-holder.ts'

const here: LockPlace = { machine: 'm1', boot: 'b1', pidNamespace: 'n1' }
const nowhere: LockPlace = { machine: null, boot: null, pidNamespace: null }
const holder = (over: Partial<LockHolder> = {}): LockHolder => ({
  pid: 77,
  command: 'tandem up',
  startedAt: '100',
  place: here,
  nonce: 'x',
  ...over,
})
const alive = (startedAt: string | null) => (): ProcessState => ({ alive: true, startedAt })
const dead = (): ProcessState => ({ alive: false })

describe('judgeHolder', () => {
  it.each<[string, 'held' | 'stale' | 'unknown', LockHolder, LockPlace, (pid: number) => ProcessState]>([
    ['the process lives', 'held', holder(), here, alive('100')],
    ['the process is dead', 'stale', holder(), here, dead],
    ['the pid belongs to a later process', 'stale', holder(), here, alive('200')],
    ['the start time was not known then', 'held', holder({ startedAt: null }), here, alive('200')],
    ['the start time is not known now', 'held', holder(), here, alive(null)],
    ['the machine was started anew', 'stale', holder(), { ...here, boot: 'b2' }, alive('100')],
    ['it is another machine', 'held', holder(), { ...here, machine: 'm2', boot: 'b2' }, dead],
    ['it is another container of this machine', 'unknown', holder(), { ...here, pidNamespace: 'n2' }, dead],
    [
      'containers of one machine differ in their ids',
      'unknown',
      holder(),
      { ...here, machine: 'm2', pidNamespace: 'n2' },
      dead,
    ],
    ['the system tells nothing and the process lives', 'held', holder({ place: nowhere }), nowhere, alive(null)],
    ['the system tells nothing and the process is dead', 'stale', holder({ place: nowhere }), nowhere, dead],
  ])('when %s: %s', (_, verdict, lock, place, state) => {
    expect(judgeHolder(lock, place, state)).toBe(verdict)
  })
})

describe('parseLock', () => {
  it('reads back what was written', () => {
    expect(parseLock(JSON.stringify(holder()))).toEqual(holder())
  })

  it.each(['', '{', '[]', 'null', '{"pid":"7"}', '{"pid":-1}', '{"pid":1.5}'])(
    'does not take %j for a lock',
    (text) => {
      expect(parseLock(text)).toBeUndefined()
    },
  )

  it('makes do with a pid alone', () => {
    expect(parseLock('{"pid":7}')).toEqual({
      pid: 7,
      command: 'an unknown command',
      startedAt: null,
      place: nowhere,
      nonce: '',
    })
  })
})
