import { describe, expect, it } from 'vitest'
import { ShareDesk } from '../../src/engine/share-desk.ts'
import type { ShareRecord } from '../../src/ports/share-record.ts'
import { anId } from '../support/sample-messages.ts'
import { seededRandom } from '../support/seeded-random.ts'

const BOB = anId(2)
const aRecord = (n: number, folder: string): ShareRecord => ({
  id: String(n).padStart(32, '0'),
  folder,
  title: folder,
  createdAt: 0,
  from: null,
  access: null,
})

async function aDesk(records: readonly ShareRecord[] = []) {
  const place = { records, failing: false }
  const store = {
    loadShares: async () => place.records,
    saveShares: async (shares: readonly ShareRecord[]) => {
      if (place.failing) throw new Error('the disk is full')
      place.records = shares
    },
  }
  return { place, desk: await ShareDesk.load({ store, clock: { now: () => 5 }, random: seededRandom(1) }) }
}

describe('[V1] the folder shares of a device', () => {
  it('have names that say nothing of the folder, each its own, and the same one when asked again', async () => {
    const { desk, place } = await aDesk()
    const [one, two] = [await desk.create('Projects/Plan'), await desk.create('Projects/Other', 'Ours')]
    expect([one.title, two.title, one.folder, one.createdAt]).toEqual(['Plan', 'Ours', 'Projects/Plan', 5])
    expect(one.id).toMatch(/^[0-9a-f]{32}$/)
    expect(one.id).not.toBe(two.id)
    expect((await desk.create('./Projects/Plan/')).id).toBe(one.id)
    expect(place.records).toEqual([one, two])
  })

  it('are stored before they count', async () => {
    const { desk, place } = await aDesk()
    place.failing = true
    await expect(desk.create('Plan')).rejects.toThrow('full')
    expect(desk.records()).toEqual([])
    place.failing = false
    expect((await desk.create('Plan')).folder).toBe('Plan')
  })

  it.each([
    '',
    '.',
    '..',
    '/',
    '/etc',
    'C:/x',
    '../up',
    'a/../b',
    'a//b',
    '.obsidian',
    'a/.hidden/b',
    '.git',
    'a\u0000b',
  ])('[E6] are never %j', async (folder) => {
    const { desk } = await aDesk()
    await expect(desk.create(folder)).rejects.toMatchObject({ code: 'bad-folder' })
    await expect(desk.accept('a', BOB, folder, { title: 't', write: true })).rejects.toMatchObject({
      code: 'bad-folder',
    })
  })

  it('lie apart from each other, also on a disk that folds case, and in either spelling of a letter', async () => {
    const { desk } = await aDesk([aRecord(1, 'Pläne/A')])
    for (const folder of ['Pläne', 'Pläne/A/deeper', 'PLÄNE/a', 'pla\u0308ne/A/x'])
      await expect(desk.accept('b', BOB, folder, { title: 't', write: true })).rejects.toMatchObject({
        code: 'overlaps',
      })
    expect((await desk.accept('b', BOB, 'Pläne/AB', { title: 't', write: true })).folder).toBe('Pläne/AB')
  })

  it('are read without those that no folder can be, and without the second of two that overlap', async () => {
    const { desk } = await aDesk([aRecord(1, '../out'), aRecord(2, 'A'), aRecord(3, 'A/b'), aRecord(4, 'C')])
    expect(desk.records().map(({ folder }) => folder)).toEqual(['A', 'C'])
  })

  it('are found by folder, title, and the beginning of the id', async () => {
    const { desk } = await aDesk([aRecord(11, 'A'), aRecord(12, 'B/A')])
    expect([desk.find('A'), desk.find('B/A/'), desk.find('vault'), desk.find(aRecord(11, '').id)]).toEqual([
      aRecord(11, '').id,
      aRecord(12, '').id,
      'vault',
      aRecord(11, '').id,
    ])
    expect(() => desk.find('0000')).toThrow(expect.objectContaining({ code: 'ambiguous' }))
    expect(() => desk.find('Z')).toThrow(expect.objectContaining({ code: 'unknown' }))
  })

  it('believe of their rights only the device that they come from', async () => {
    const { desk, place } = await aDesk()
    const { id } = await desk.accept('b'.repeat(32), BOB, 'A', { title: 'A', write: true })
    await desk.noteAccess(id, anId(3), null)
    expect(desk.get(id)!.access).toBe('write')
    await desk.noteAccess(id, BOB, 'read')
    await desk.noteAccess('unknown', BOB, 'read')
    expect(place.records.map(({ access }) => access)).toEqual(['read'])
  })
})
