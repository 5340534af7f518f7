import { describe, expect, it } from 'vitest'
import { logPath } from '../../src/history/log.ts'
import { AFTERNOON, History, path } from './fixture.ts'
import type { Oid } from '../../src/objects/oid.ts'

function log(history: History, head: Oid, name: string, limit = 100): Oid[] {
  return history.run(logPath(history.graph, [head], path(name), limit)).map(({ commit }) => commit)
}

describe('logPath', () => {
  it('lists the commits that changed a file, newest first, its deletion too', () => {
    const history = new History()
    const at = (minute: number) => ({ seconds: AFTERNOON + minute * 60 })
    const made = history.commit({ 'f/n.md': '1', x: '1' }, [], at(0))
    const other = history.commit({ 'f/n.md': '1', x: '2' }, [made], at(1))
    const edited = history.commit({ 'f/n.md': '2', x: '2' }, [other], at(2))
    const gone = history.commit({ x: '2' }, [edited], at(3))
    expect(history.run(logPath(history.graph, [gone], path('f/n.md'), 100))).toEqual([
      { commit: gone, seconds: AFTERNOON + 180, entry: null },
      { commit: edited, seconds: AFTERNOON + 120, entry: history.file('2') },
      { commit: made, seconds: AFTERNOON, entry: history.file('1') },
    ])
    expect(log(history, gone, 'f/n.md', 2)).toEqual([gone, edited])
    expect(log(history, gone, 'never.md')).toEqual([])
  })

  it('leaves out a merge that took one side’s version, and lists one that mixed both', () => {
    const history = new History()
    const root = history.commit({ n: 'a\n\nb\n', m: '' })
    const left = history.commit({ n: 'A\n\nb\n', m: 'm' }, [root], { seconds: AFTERNOON + 1 })
    const right = history.commit({ n: 'a\n\nB\n', m: '' }, [root], { seconds: AFTERNOON + 2 })
    const { commit } = history.view(left, right)
    expect(log(history, commit, 'n')).toEqual([commit, right, left, root])
    expect(log(history, commit, 'm')).toEqual([left, root])
  })

  it('asks for many commits’ trees at once', () => {
    const history = new History()
    let head = history.commit({ 'f/n': '0' })
    for (let i = 1; i < 128; i++)
      head = history.commit({ 'f/n': `${i >> 3}`, x: `${i}` }, [head], { seconds: AFTERNOON + i })
    history.requests.length = 0
    expect(log(history, head, 'f/n')).toHaveLength(16)
    expect(history.requests.length).toBeLessThanOrEqual(4)
  })
})
