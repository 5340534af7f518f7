import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { changedEntries } from '../../src/objects/tree-changes.ts'
import { decodeTree, encodeTree } from '../../src/objects/tree.ts'
import type { FileMode, TreeEntry } from '../../src/objects/tree.ts'

const oid = (n: number) => (n + 1).toString(16).padStart(40, '0') as Oid
const entry = (name: string, n = 0, mode: FileMode = '100644'): TreeEntry => ({ name, oid: oid(n), mode })

/** An entry as bytes, whatever it says. */
function raw({ mode, name, oid: hex }: TreeEntry): Uint8Array {
  return concatBytes([encodeUtf8(`${mode} ${name}\0`), Uint8Array.from(Buffer.from(hex, 'hex'))])
}

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => entry(`Note ${String(i).padStart(4, '0')}.md`, i))

describe('what a tree does not have in common with another', () => {
  it('is found without decoding the rest', () => {
    const base = many(500)
    const tree = base.map((one, i) => (i === 250 ? { ...one, oid: oid(9999) } : one))
    const { entries, bases } = changedEntries(encodeTree(tree), encodeTree(base))
    expect(entries.find(({ name }) => name === 'Note 0250.md')?.oid).toBe(oid(9999))
    expect(bases.find(({ name }) => name === 'Note 0250.md')?.oid).toBe(oid(250))
    expect([entries.length, bases.length]).toEqual([3, 3])
  })

  it('is all that decoding both finds, whatever was added, removed, edited or turned into a folder', () => {
    const names = fc.constantFrom('a', 'a.b', 'b', 'b-', 'c', 'é', '😀', 'ｆ', 'note 1.md', 'note 2.md', 'z')
    const trees = fc.uniqueArray(
      fc.tuple(names, fc.integer({ min: 0, max: 2 }), fc.constantFrom<FileMode>('100644', '40000')),
      {
        selector: ([name]) => name,
      },
    )
    const encode = (list: readonly [string, number, FileMode][]) => encodeTree(list.map((one) => entry(...one)))
    fc.assert(
      fc.property(trees, trees, (list, baseList) => {
        const [tree, base] = [encode(list), encode(baseList)]
        const { entries, bases } = changedEntries(tree, base)
        const [whole, wholeBase] = [decodeTree(tree), decodeTree(base)]
        const isNew = (one: TreeEntry) =>
          !wholeBase.some(({ name, oid, mode }) => name === one.name && oid === one.oid && mode === one.mode)
        expect(whole).toEqual(expect.arrayContaining([...entries]))
        expect(entries.filter(isNew)).toEqual(whole.filter(isNew))
        for (const one of entries)
          expect(bases.filter(({ name }) => name === one.name)).toEqual(
            wholeBase.filter(({ name }) => name === one.name),
          )
      }),
      { numRuns: 500 },
    )
  })

  const base = [entry('a', 1), entry('a.b', 2), entry('b', 3), entry('c', 4), entry('d', 5), entry('e', 6)]
  const [a, ab, b, c, d, e] = base as [TreeEntry, TreeEntry, TreeEntry, TreeEntry, TreeEntry, TreeEntry]
  it.each<[string, TreeEntry[]]>([
    ['an entry out of order behind what is alike', [a, ab, b, entry('aa'), c, d, e]],
    ['an entry out of order before what is alike', [a, ab, b, entry('x'), c, d, e]],
    ['an entry twice', [a, ab, b, c, c, d, e]],
    ['a file and a folder of one name, apart', [a, ab, entry('a', 9, '40000'), b, c, d, e]],
    ['a name that leads into a git folder', [entry('.git'), a, ab, b, c, d, e]],
    ['a null oid', [a, ab, b, { ...c, oid: '0'.repeat(40) as Oid }, d, e]],
    ['a mode that is none', [a, ab, b, { ...c, mode: '100600' as FileMode }, d, e]],
  ])('is refused as decoding refuses it: %s', (_what, tree) => {
    const bytes = concatBytes(tree.map(raw))
    expect(() => decodeTree(bytes)).toThrow(expect.objectContaining({ code: 'bad-tree' }))
    expect(() => changedEntries(bytes, encodeTree(base))).toThrow(expect.objectContaining({ code: 'bad-tree' }))
  })

  it('is refused when it is cut short or anything in it is changed, just as decoding refuses it', () => {
    const tree = encodeTree([a, ab, b, entry('bb', 8), c, d, e])
    const sound = encodeTree(base)
    const outcome = (act: () => unknown) => {
      try {
        act()
        return 'sound'
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: tree.length - 1 }),
        fc.integer({ min: 0, max: 255 }),
        fc.boolean(),
        (at, byte, cut) => {
          const bytes = cut ? tree.slice(0, at) : tree.slice()
          if (!cut) bytes[at] = byte
          expect(outcome(() => changedEntries(bytes, sound))).toBe(outcome(() => decodeTree(bytes)))
        },
      ),
      { numRuns: 2000 },
    )
  })
})
