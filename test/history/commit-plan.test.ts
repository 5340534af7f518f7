import { describe, expect, it } from 'vitest'
import { planCommit } from '../../src/history/commit-plan.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { path } from './fixture.ts'

const PATH = path('n.md')
const contents = (content: string | null) => new Map(content === null ? [] : [[PATH, content.repeat(40) as Oid]])

/** Where one file's difference goes: `applied`, or the plan's name with the content that is committed. */
function plan(base: string | null, index: string | null, disk: string | null, view: string | null): string {
  const { onBase, onView, applied } = planCommit({
    base: contents(base),
    index: contents(index),
    disk: contents(disk),
    view: contents(view),
  })
  const found = [
    ...applied.map(() => 'applied'),
    ...[...onBase.values()].map((oid) => `on base: ${oid === null ? 'deleted' : oid[0]}`),
    ...[...onView.values()].map((oid) => `on view: ${oid === null ? 'deleted' : oid[0]}`),
  ]
  expect(found.length).toBeLessThanOrEqual(1)
  return found[0] ?? 'nothing'
}

describe('planCommit', () => {
  it('finds no edit where the disk holds what the index says', () => {
    expect(plan('1', '1', '1', '2')).toBe('nothing')
    expect(plan('1', '2', '2', '2')).toBe('nothing')
    expect(plan(null, null, null, '2')).toBe('nothing')
  })

  it('puts an edit on the base while the file is as the base has it', () => {
    expect(plan('1', '1', '3', '2')).toBe('on base: 3')
    expect(plan('1', '1', null, '2')).toBe('on base: deleted')
    expect(plan(null, null, '3', '2')).toBe('on base: 3')
    expect(plan('1', '1', '3', '1')).toBe('on base: 3')
  })

  it('takes a checkout step that a crash cut off from the index for no edit', () => {
    expect(plan('1', '1', '2', '2')).toBe('applied')
    expect(plan('1', '1', null, null)).toBe('applied')
    expect(plan(null, null, '2', '2')).toBe('applied')
  })

  it('knows the steps of every checkout that was cut, however old', () => {
    const unfinished = [contents('5'), contents(null)]
    const parts = { base: contents('1'), index: contents('1'), view: contents('2'), unfinished }
    expect(planCommit({ ...parts, disk: contents('5') }).applied).toEqual([PATH])
    expect(planCommit({ ...parts, disk: contents(null) }).applied).toEqual([PATH])
    expect(planCommit({ ...parts, disk: contents('6') }).applied).toEqual([])
  })

  it('[V4] puts an edit of a file that is already as the view has it on the view', () => {
    expect(plan('1', '2', '3', '2')).toBe('on view: 3')
    expect(plan('1', '2', '1', '2')).toBe('on view: 1')
    expect(plan(null, '2', null, '2')).toBe('on view: deleted')
    expect(plan('1', null, '3', null)).toBe('on view: 3')
  })

  it('puts an edit on the base when the index is of neither', () => {
    expect(plan('1', '4', '3', '2')).toBe('on base: 3')
  })

  it('lists paths in order', () => {
    const disk = new Map(['b', 'a', 'c'].map((name) => [path(name), 'a'.repeat(40) as Oid]))
    expect([...planCommit({ base: new Map(), index: new Map(), disk, view: new Map() }).onBase.keys()]).toEqual([
      'a',
      'b',
      'c',
    ])
  })
})
