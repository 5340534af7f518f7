import { describe, expect, it } from 'vitest'
import { FileDistances } from '../../src/engine/file-distance.ts'
import { MissingObjectError } from '../../src/objects/errors.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { History } from '../history/fixture.ts'

function aHistory(): { history: History; distances: FileDistances } {
  const history = new History()
  const distances = new FileDistances({ graph: history.graph, run: async (reading) => history.run(reading) })
  return { history, distances }
}

const START = { 'a.md': 'a', 'b.md': 'b', 'folder/c.md': 'c', 'folder/d.md': 'd' }

describe('[L10] the distance between two vaults, in files', () => {
  it('counts what only one side changed, added or deleted as newer there', async () => {
    const { history, distances } = aHistory()
    const base = history.commit(START)
    const { 'b.md': _gone, ...rest } = START
    const later = history.commit({ ...rest, 'a.md': 'edited', 'new.md': 'new' }, [base])
    expect(await distances.between(later, base)).toEqual({ ahead: 3, behind: 0 })
    expect(await distances.between(base, later)).toEqual({ ahead: 0, behind: 3 })
  })

  it('tells both sides apart when both changed something, and counts a file that both changed on both', async () => {
    const { history, distances } = aHistory()
    const base = history.commit(START)
    const left = history.commit({ ...START, 'a.md': 'left', 'b.md': 'left', 'mine.md': 'x' }, [base])
    const right = history.commit({ ...START, 'a.md': 'right', 'folder/c.md': 'right' }, [base])
    expect(await distances.between(left, right)).toEqual({ ahead: 3, behind: 2 })
    expect(await distances.between(right, left)).toEqual({ ahead: 2, behind: 3 })
  })

  it('is nothing where both made the same change, or their histories differ and their files do not', async () => {
    const { history, distances } = aHistory()
    const base = history.commit(START)
    const left = history.commit({ ...START, 'a.md': 'same' }, [base], { device: 'A' })
    const right = history.commit({ ...START, 'a.md': 'same' }, [base], { device: 'B' })
    expect(await distances.between(left, right)).toEqual({ ahead: 0, behind: 0 })
    expect(await distances.between(left, left)).toEqual({ ahead: 0, behind: 0 })
  })

  it('of unrelated vaults counts each file where it is', async () => {
    const { history, distances } = aHistory()
    const left = history.commit({ 'a.md': 'a', 'both.md': 'left' })
    const right = history.commit({ 'b.md': 'b', 'c.md': 'c', 'both.md': 'right', 'd.md': 'd' })
    expect(await distances.between(left, right)).toEqual({ ahead: 2, behind: 4 })
  })

  it('across histories that crossed never calls vaults equal that differ', async () => {
    const { history, distances } = aHistory()
    const base = history.commit({ 'a.md': 'a' })
    const left = history.commit({ 'a.md': 'left' }, [base])
    const right = history.commit({ 'a.md': 'right' }, [base])
    const one = history.commit({ 'a.md': 'left' }, [left, right])
    const other = history.commit({ 'a.md': 'right' }, [left, right], { device: 'Phone' })
    expect(await distances.between(one, other)).toEqual({ ahead: 1, behind: 1 })
  })

  it('is unknown, not guessed, without a commit that both can be seen from', async () => {
    const { history, distances } = aHistory()
    const ours = history.commit(START)
    const elsewhere = '1'.repeat(40) as Oid
    expect(await distances.between(ours, elsewhere)).toBeNull()
    expect(await distances.between(ours, null)).toBeNull()
    expect(await distances.between(ours, undefined)).toBeNull()
    expect(await distances.between(null, ours)).toBeNull()
  })

  it('is measured once per pair', async () => {
    const { history, distances } = aHistory()
    const base = history.commit(START)
    const later = history.commit({ ...START, 'a.md': 'edited' }, [base])
    const first = await distances.between(later, base)
    history.requests.length = 0
    expect(await distances.between(later, base)).toEqual(first)
    expect(history.requests).toEqual([])
  })

  it('is unknown while the store cannot be read, and tried again', async () => {
    const history = new History()
    let broken = true
    const distances = new FileDistances({
      graph: history.graph,
      run: async (reading) => {
        if (broken) throw new MissingObjectError('1'.repeat(40))
        return history.run(reading)
      },
    })
    const base = history.commit(START)
    const later = history.commit({ ...START, 'a.md': 'edited' }, [base])
    expect(await distances.between(later, base)).toBeNull()
    broken = false
    expect(await distances.between(later, base)).toEqual({ ahead: 1, behind: 0 })
  })
})
