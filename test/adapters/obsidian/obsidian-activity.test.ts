import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it } from 'vitest'
import { ACTIVITY_LIMIT, ObsidianActivity } from '../../../src/adapters/obsidian/obsidian-activity.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

describe('the activity log', () => {
  let factory: IDBFactory
  let clock: VirtualClock
  beforeEach(() => {
    factory = new IDBFactory()
    clock = new VirtualClock()
  })
  const open = (name = 'log'): ObsidianActivity => new ObsidianActivity({ name, clock, factory })
  const messages = async (log: ObsidianActivity): Promise<string[]> => (await log.read()).map(({ message }) => message)

  it('keeps records with time and peer across restarts, in order', async () => {
    const first = open()
    first.log('info', 'link.up', 'Connected', { peer: 'b', ms: 3 })
    first.log('error', 'disk.full', 'The disk is full')
    await first.close()
    const second = open()
    second.log('info', 'link.down', 'Gone')
    expect(await messages(second)).toEqual(['Connected', 'The disk is full', 'Gone'])
    expect((await second.read())[0]).toEqual({
      at: clock.now(),
      level: 'info',
      event: 'link.up',
      peer: 'b',
      message: 'Connected',
      data: { peer: 'b', ms: 3 },
    })
    await second.close()
  })

  it('is written a second after the first of a batch, without being asked', async () => {
    const log = open()
    for (let i = 0; i < 5; i++) log.log('info', 'e', `${i}`)
    await clock.advance(1_000)
    // Another connection sees it; nobody flushed.
    for (let i = 0; i < 50 && (await messages(open())).length < 5; i++) await clock.settle()
    expect(await messages(open())).toHaveLength(5)
    await log.close()
    expect(clock.pending).toBe(0)
  })

  it(`keeps the last ${ACTIVITY_LIMIT} only, also after it was cleared`, async () => {
    const log = open()
    const more = ACTIVITY_LIMIT + 150
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < more; i++) log.log('debug', 'e', `${i}`)
      const kept = await messages(log)
      expect([kept.length, kept[0], kept.at(-1)]).toEqual([ACTIVITY_LIMIT, '150', `${more - 1}`])
      await log.flush()
      expect(await messages(open())).toHaveLength(ACTIVITY_LIMIT)
      await log.clear()
      expect(await messages(log)).toEqual([])
    }
    await log.close()
  })

  it('exports a line of JSON for each record', async () => {
    const log = open()
    log.log('warn', 'e', 'one\ntwo')
    const lines = (await log.export()).split('\n')
    expect([JSON.parse(lines[0]!), lines[1]]).toEqual([
      { at: clock.now(), level: 'warn', event: 'e', message: 'one\ntwo' },
      '',
    ])
    await log.close()
  })

  it('of two vaults are apart', async () => {
    const [one, two] = [open('one'), open('two')]
    one.log('info', 'e', 'mine')
    expect([await messages(two), await messages(one)]).toEqual([[], ['mine']])
    await Promise.all([one.close(), two.close()])
  })

  it('cuts what is too long, and takes data that cannot be stored', async () => {
    const log = open()
    const round: Record<string, unknown> = {}
    round.self = round
    log.log('info', 'e', 'x'.repeat(1e6), { long: 'y'.repeat(1e6), no: () => undefined })
    log.log('info', 'e', 'round', round)
    const [first, second] = await log.read()
    expect(JSON.stringify(first).length).toBeLessThan(10_000)
    expect(second).toEqual({ at: clock.now(), level: 'info', event: 'e', message: 'round' })
    await log.close()
  })

  it('without a database is kept while the app runs, bounded, and throws nothing', async () => {
    const broken = {
      open: () => {
        throw new DOMException('no', 'SecurityError')
      },
    } as unknown as IDBFactory
    const log = new ObsidianActivity({ name: 'log', clock, factory: broken })
    for (let i = 0; i < ACTIVITY_LIMIT + 5; i++) log.log('info', 'e', `${i}`)
    const kept = await messages(log)
    expect([kept.length, kept.at(-1)]).toEqual([ACTIVITY_LIMIT, `${ACTIVITY_LIMIT + 4}`])
    await log.close()
  })
})
