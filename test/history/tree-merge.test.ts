import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { inFamily, familyOf } from '../../src/history/conflict-name.ts'
import { MAX_MERGE_BYTES } from '../../src/history/merge-content.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { bySideSwapped, History, vaults } from './fixture.ts'
import type { Files } from './fixture.ts'

/** Merges files, and again with the sides swapped, which must give the same (V5). */
function merge(base: Files, left: Files, right: Files): Record<string, string> {
  const history = new History()
  const merged = history.mergeFiles(base, left, right)
  expect(history.mergeFiles(base, right, left, bySideSwapped)).toEqual(merged)
  return merged
}

/** Which of two texts keeps the path: the one with the smaller oid. */
function keeper(a: string, b: string): string {
  const history = new History()
  return history.blob(a) < history.blob(b) ? a : b
}

describe('mergeTrees', () => {
  it('takes what one side changed', () => {
    expect(merge({ a: '1', b: '1', c: '1' }, { a: '2', b: '1', c: '1' }, { a: '1', c: '1', d: '1' })).toEqual({
      a: '2',
      c: '1',
      d: '1',
    })
  })

  it('merges a note that both changed', () => {
    expect(merge({ 'n.md': 'a\n\nb\n' }, { 'n.md': 'A\n\nb\n' }, { 'n.md': 'a\n\nB\n' })).toEqual({
      'n.md': 'A\n\nB\n',
    })
  })

  it('[V6] keeps both versions of a note that does not merge, the other under the name of its writer and time', () => {
    const [left, right] = ['left\n', 'right\n']
    const stays = keeper(left, right)
    const copy = stays === left ? 'n (conflict Laptop 2026-11-21 1521).md' : 'n (conflict Phone 2026-11-21 1620).md'
    expect(merge({ 'f/n.md': 'x\n' }, { 'f/n.md': left }, { 'f/n.md': right })).toEqual({
      'f/n.md': stays,
      [`f/${copy}`]: stays === left ? right : left,
    })
  })

  it('[V7] keeps both of two binaries', () => {
    const merged = merge({ 'p.png': '\0\n1\n' }, { 'p.png': '\0\n2\n' }, { 'p.png': '\0\n1\n3' })
    expect(Object.values(merged).sort()).toEqual(['\0\n1\n3', '\0\n2\n'])
  })

  it('[V7] lets modified beat deleted, in a deleted folder too', () => {
    const base = { 'f/a.md': '1', 'f/b.md': '1', 'f/g/c.md': '1' }
    expect(merge(base, {}, { ...base, 'f/a.md': '2', 'f/g/new.md': 'n' })).toEqual({ 'f/a.md': '2', 'f/g/new.md': 'n' })
  })

  it('[V6] lets a folder keep the name that a file has on the other side', () => {
    expect(merge({}, { x: 'file' }, { 'x/y': 'in the folder' })).toEqual({
      'x (conflict Phone 2026-11-21 1620)': 'file',
      'x/y': 'in the folder',
    })
    expect(merge({ x: 'old' }, { x: 'new' }, { 'x/y': 'in the folder' })).toEqual({
      'x (conflict Phone 2026-11-21 1620)': 'new',
      'x/y': 'in the folder',
    })
    expect(merge({ 'x/y': 'old' }, { x: 'file' }, { 'x/y': 'edited' })).toEqual({
      'x (conflict Phone 2026-11-21 1620)': 'file',
      'x/y': 'edited',
    })
  })

  it('takes a file that replaced a folder nobody else touched, and the other way round', () => {
    expect(merge({ 'x/y': '1', z: '1' }, { x: 'file', z: '1' }, { 'x/y': '1', z: '2' })).toEqual({ x: 'file', z: '2' })
    expect(merge({ x: '1', z: '1' }, { 'x/y': '2', z: '1' }, { x: '1', z: '2' })).toEqual({ 'x/y': '2', z: '2' })
  })

  it('[pitfall 7] adds no second copy of what a conflict copy holds already', () => {
    const lost = keeper('left\n', 'right\n') === 'left\n' ? 'right\n' : 'left\n'
    const copy = 'n (conflict Old phone 2026-11-20 0800).md'
    const base = { 'n.md': 'x\n', [copy]: lost }
    const merged = merge(base, { ...base, 'n.md': 'left\n' }, { ...base, 'n.md': 'right\n' })
    expect(Object.keys(merged).sort()).toEqual([copy, 'n.md'])
  })

  it('numbers a copy whose name is taken by other content', () => {
    const stays = keeper('left\n', 'right\n')
    const name = stays === 'left\n' ? 'n (conflict Laptop 2026-11-21 1521)' : 'n (conflict Phone 2026-11-21 1620)'
    const base = { 'n.md': 'x\n', [`${name}.md`]: 'other', [`${name} 2.md/sub`]: 'a folder' }
    const merged = merge(base, { ...base, 'n.md': 'left\n' }, { ...base, 'n.md': 'right\n' })
    expect(merged[`${name} 3.md`]).toBe(stays === 'left\n' ? 'right\n' : 'left\n')
  })

  it('reads no blob beyond the size that may merge', () => {
    const history = new History()
    const large = (text: string) => text + '\n'.repeat(MAX_MERGE_BYTES)
    const [base, left, right] = [large('a'), large('b'), `${large('a')}c`]
    expect(Object.keys(history.mergeFiles({ 'n.md': base }, { 'n.md': left }, { 'n.md': right }))).toHaveLength(2)
    const asked = history.requests.filter(({ oids }) => oids.some((oid) => history.objects.get(oid)?.type === 'blob'))
    expect(asked.map(({ maxSize }) => maxSize)).toEqual([MAX_MERGE_BYTES])
  })

  it('merges modes and links', () => {
    const history = new History()
    const entry = (mode: '100644' | '100755' | '120000', text: string) => history.file(text, mode)
    const tree = (file: ReturnType<typeof entry>) => history.tree({ x: file })
    const merged = (base: Oid, left: Oid, right: Oid) => {
      const result = history.merge(base, left, right).tree
      expect(history.merge(base, right, left, bySideSwapped).tree).toBe(result)
      return result
    }
    const [plain, executable] = [tree(entry('100644', '1')), tree(entry('100755', '1'))]
    expect(merged(plain, executable, tree(entry('100644', '2')))).toBe(tree(entry('100755', '2')))
    expect(merged(executable, plain, tree(entry('100755', '2')))).toBe(tree(entry('100644', '2')))
    const both = merged(plain, tree(entry('120000', 'target')), tree(entry('100644', '2')))
    expect(both).toBe(history.tree({ x: '2', 'x (conflict Phone 2026-11-21 1620)': entry('120000', 'target') }))
  })

  it('makes no object when a side did nothing', () => {
    const history = new History()
    const [base, left] = [history.tree({ a: '1' }), history.tree({ a: '2' })]
    for (const merged of [
      history.merge(base, left, base),
      history.merge(base, base, left),
      history.merge(base, left, left),
    ]) {
      expect(merged).toEqual({ tree: left, objects: [], conflicts: [] })
    }
  })

  it('treats no tree as the empty one', () => {
    const history = new History()
    const tree = history.tree({ a: '1' })
    expect(history.merge(null, null, tree).tree).toBe(tree)
    expect(history.merge(tree, null, tree).tree).toBe(history.tree({}))
    expect(history.merge(null, null, null).tree).toBe(history.tree({}))
  })
})

describe('[V7] renames', () => {
  const text = 'one\ntwo\nthree\nfour\nfive\n'
  const more = `${text}six\n`

  it('carry the other side’s edit to the new path', () => {
    expect(merge({ 'a.md': text }, { 'f/b.md': text }, { 'a.md': more })).toEqual({ 'f/b.md': more })
  })

  it('carry it also when the renamed note was edited', () => {
    const edited = text.replace('one', 'ONE')
    expect(merge({ 'a.md': text }, { 'b.md': edited }, { 'a.md': more })).toEqual({
      'b.md': more.replace('one', 'ONE'),
    })
  })

  it('do not connect notes that share little', () => {
    expect(merge({ 'a.md': text }, { 'b.md': 'quite another note\n' }, { 'a.md': more })).toEqual({
      'a.md': more,
      'b.md': 'quite another note\n',
    })
  })

  it('keep both names when the two sides chose different ones', () => {
    expect(merge({ 'a.md': text }, { 'b.md': text }, { 'c.md': text })).toEqual({ 'b.md': text, 'c.md': text })
  })

  it('meet when both sides chose the same name and edited', () => {
    expect(merge({ 'a.md': text }, { 'b.md': text }, { 'b.md': more })).toEqual({ 'b.md': more })
  })

  it('[V6] do not swallow a new note of that name', () => {
    expect(Object.values(merge({ 'a.md': text }, { 'b.md': text }, { 'b.md': 'new\n' })).sort()).toEqual([
      'new\n',
      text,
    ])
  })

  it('survive the note’s deletion on the other side', () => {
    expect(merge({ 'a.md': text }, { 'b.md': text }, {})).toEqual({ 'b.md': text })
  })

  it('of case only are renames like others', () => {
    expect(merge({ 'note.md': text }, { 'Note.md': text }, { 'note.md': more })).toEqual({ 'Note.md': more })
  })

  it('of a folder carry along what the other side added to it', () => {
    const base = { 'old/a.md': text, 'old/sub/b.md': more }
    const right = { ...base, 'old/new.md': 'n', 'old/sub/deep/new.md': 'd' }
    expect(merge(base, { 'new/a.md': text, 'new/sub/b.md': more }, right)).toEqual({
      'new/a.md': text,
      'new/sub/b.md': more,
      'new/new.md': 'n',
      'new/sub/deep/new.md': 'd',
    })
  })

  it('of a folder connect its files even when they were rewritten', () => {
    const base = { 'old/a.md': text, 'old/b.md': 'short\n' }
    const left = { 'new/a.md': text, 'new/b.md': 'short\n\nmuch more\nand more\n' }
    expect(merge(base, left, { ...base, 'old/b.md': 'first\n\nshort\n' })).toEqual({
      'new/a.md': text,
      'new/b.md': 'first\n\nshort\n\nmuch more\nand more\n',
    })
  })

  it('of some files of a folder leave the rest, and what is added, in place', () => {
    const base = { 'old/a.md': text, 'old/b.md': more }
    expect(merge(base, { 'new/a.md': text, 'old/b.md': more }, { ...base, 'old/n.md': 'n' })).toEqual({
      'new/a.md': text,
      'old/b.md': more,
      'old/n.md': 'n',
    })
  })

  it('tell empty notes apart by name only', () => {
    expect(merge({ 'a.md': '' }, { 'b.md': '' }, { 'a.md': 'typed\n' })).toEqual({ 'a.md': 'typed\n', 'b.md': '' })
    expect(
      merge({ 'a.md': '', 'b.md': '' }, { 'f/a.md': '', 'f/b.md': '' }, { 'a.md': 'typed\n', 'b.md': '' }),
    ).toEqual({
      'f/a.md': 'typed\n',
      'f/b.md': '',
    })
  })
})

describe('any merge', () => {
  /** Notes of a few lines, each line said once by whom. */
  const noteVaults = (own: string) =>
    fc
      .uniqueArray(
        fc.tuple(
          fc.constantFrom('a.md', 'b.md', 'f/a.md', 'f/b.md', 'f/g/c.md', 'f', 'x.png', 'a.md/d'),
          fc.subarray(['1', '2', '3', '4', own, `${own}!`]),
        ),
        { selector: ([name]) => name, maxLength: 6 },
      )
      .map((entries) => {
        const files: Record<string, string> = {}
        for (const [name, said] of entries) {
          if (Object.keys(files).some((other) => other.startsWith(`${name}/`) || name.startsWith(`${other}/`))) continue
          files[name] = (name.endsWith('.png') ? '\0' : '') + said.map((line) => `${line}\n`).join('')
        }
        return files
      })
  const merges = fc.tuple(noteVaults('base'), noteVaults('left'), noteVaults('right'))

  it('[V5] is symmetric', () => {
    fc.assert(
      fc.property(merges, ([base, left, right]) => void merge(base, left, right)),
      { numRuns: 300 },
    )
    fc.assert(
      fc.property(vaults, vaults, vaults, (base, left, right) => void merge(base, left, right)),
      { numRuns: 200 },
    )
  })

  it('[V6] keeps every line that a side wrote', () => {
    fc.assert(
      fc.property(merges, ([base, left, right]) => {
        const merged = Object.values(merge(base, left, right)).join('\n')
        const written = (files: Record<string, string>) =>
          Object.values(files).flatMap((text) => text.match(/\w+!?/g) ?? [])
        const before = new Set(written(base))
        for (const line of [...written(left), ...written(right)]) if (!before.has(line)) expect(merged).toContain(line)
      }),
      { numRuns: 300 },
    )
  })

  it('[V6] keeps each side’s text of every path that it changed, as it is, merged, or as a copy', () => {
    fc.assert(
      fc.property(merges, ([base, left, right]) => {
        const merged = merge(base, left, right)
        for (const side of [left, right]) {
          for (const [name, text] of Object.entries(side)) {
            // What a side only moved was not written by it: the other side's edit of it counts, be it to nothing.
            const moved = Object.entries(base).some(([other, before]) => before === text && side[other] === undefined)
            if (base[name] === text || moved) continue
            // Of a new name: whatever it may have been renamed from.
            const before = base[name] ?? Object.values(base).join('')
            const places = Object.entries(merged).filter(
              ([, content]) => content === text || holdsWords(content, text, before),
            )
            expect(places.length, JSON.stringify({ base, left, right, name, merged })).toBeGreaterThan(0)
          }
        }
      }),
      { numRuns: 300 },
    )
  })

  it('[V6] puts copies beside their note only', () => {
    const history = new History()
    const merged = history.merge(null, history.tree({ 'f/n.md': 'a\n' }), history.tree({ 'f/n.md': 'b\n' }))
    expect(merged.conflicts).toHaveLength(1)
    const [conflict] = merged.conflicts
    expect(inFamily(conflict!.copy, familyOf('f/n.md'))).toBe(true)
    expect(conflict).toMatchObject({ path: 'f/n.md', reason: 'content' })
  })
})

/** Whether a merged text has every line that `text` added to its base. */
function holdsWords(merged: string, text: string, base = ''): boolean {
  const had = new Set(base.split('\n'))
  const has = new Set(merged.split('\n'))
  return text.split('\n').every((line) => had.has(line) || has.has(line))
}
