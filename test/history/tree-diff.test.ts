import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { editTree } from '../../src/history/edit-tree.ts'
import type { FileEntry } from '../../src/history/file-entry.ts'
import { diffTrees, entryAt, flattenTree } from '../../src/history/tree-diff.ts'
import { encodeTree } from '../../src/objects/tree.ts'
import type { Oid } from '../../src/objects/oid.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import { History, path, vaults } from './fixture.ts'
import type { Files } from './fixture.ts'

const EMPTY_TREE = '4b825dc642cb6eb9a060e54bf8d69288fbee4904'
const corrupt = (code: string) => expect.objectContaining({ name: 'CorruptObjectError', code })

function editsBetween(history: History, from: Files, to: Files): Map<VaultPath, FileEntry | null> {
  const changes = history.run(diffTrees(history.tree(from), history.tree(to)))
  return new Map(changes.map(({ path: at, right }) => [at, right]))
}

describe('diffTrees', () => {
  it('lists the changed files of all folders by path', () => {
    const history = new History()
    const left = history.tree({ 'a/x.md': '1', 'a/y.md': '1', 'gone.md': '1' })
    const right = history.tree({ 'a/x.md': '2', 'a/y.md': '1', 'new/n.md': '3' })
    expect(history.run(diffTrees(left, right))).toEqual([
      { path: 'a/x.md', left: history.file('1'), right: history.file('2') },
      { path: 'gone.md', left: history.file('1'), right: null },
      { path: 'new/n.md', left: null, right: history.file('3') },
    ])
  })

  it('sees a change of mode, and a folder in the place of a file', () => {
    const history = new History()
    const left = history.tree({ script: '1', x: '1' })
    const right = history.tree({ script: history.file('1', '100755'), 'x/y': '1' })
    const changes = history.run(diffTrees(left, right))
    expect(changes.map((change) => [change.path, change.left?.mode, change.right?.mode])).toEqual([
      ['script', '100644', '100755'],
      ['x', '100644', undefined],
      ['x/y', undefined, '100644'],
    ])
  })

  it('reads no subtree that is equal on both sides, and the folders of a level together', () => {
    const history = new History()
    const same = { 'same/deep/x': '1' }
    const left = history.tree({ ...same, 'a/x': '1', 'b/x': '1' })
    const right = history.tree({ ...same, 'a/x': '2', 'b/x': '2' })
    history.requests.length = 0
    history.run(diffTrees(left, right))
    expect(history.requests.map((request) => request.oids.length)).toEqual([2, 4])
  })

  it('refuses names that no vault may hold', () => {
    const history = new History()
    for (const name of ['cafe\u0301.md', 'a\u0007.md']) {
      const tree = history.put('tree', encodeTree([{ mode: '100644', name, oid: history.blob('') }]))
      expect(() => history.run(flattenTree(tree))).toThrowError(corrupt('bad-path'))
    }
  })

  it('refuses folders nested without end', () => {
    const history = new History()
    let tree = history.tree({ x: '1' })
    for (let depth = 0; depth < 200; depth++)
      tree = history.put('tree', encodeTree([{ mode: '40000', name: 'f', oid: tree }]))
    expect(() => history.run(flattenTree(tree))).toThrowError(corrupt('too-large'))
  })
})

describe('entryAt', () => {
  it('finds files and folders, and null elsewhere', () => {
    const history = new History()
    const tree = history.tree({ 'a/b/c.md': '1' })
    const at = (text: string) => history.run(entryAt(tree, path(text)))
    expect(at('a/b/c.md')).toMatchObject({ mode: '100644', oid: history.blob('1') })
    expect(at('a/b')).toMatchObject({ mode: '40000' })
    expect(at('a/b/d.md')).toBeNull()
    expect(at('a/b/c.md/d')).toBeNull()
    expect(history.run(entryAt(null, path('a')))).toBeNull()
  })
})

describe('editTree', () => {
  it('turns any vault into any other', () => {
    fc.assert(
      fc.property(vaults, vaults, (from, to) => {
        const history = new History()
        const edited = history.run(editTree(nodeCodec, history.tree(from), editsBetween(history, from, to)))
        expect(edited.tree).toBe(history.tree(to))
      }),
    )
  })

  it('makes anew only the trees on the paths of the edits', () => {
    const history = new History()
    const tree = history.tree({ 'a/x': '1', 'b/x': '1', 'c/d/x': '1' })
    const edited = history.run(editTree(nodeCodec, tree, new Map([[path('c/d/x'), history.file('2')]])))
    expect(edited.objects).toHaveLength(3)
    expect(edited.objects.at(-1)!.oid).toBe(edited.tree)
  })

  it('makes nothing when nothing changes', () => {
    const history = new History()
    const tree = history.tree({ 'a/x': '1', y: '1' })
    const edits = new Map([
      [path('a/x'), history.file('1')],
      [path('z/none'), null],
      [path('a'), null],
    ])
    expect(history.run(editTree(nodeCodec, tree, edits))).toEqual({ tree, objects: [] })
  })

  it('gives the empty tree when the last file goes', () => {
    const history = new History()
    const edited = history.run(editTree(nodeCodec, history.tree({ 'a/b/x': '1' }), new Map([[path('a/b/x'), null]])))
    expect(edited.tree).toBe(EMPTY_TREE)
    expect(edited.objects).toEqual([{ type: 'tree', content: new Uint8Array(), oid: EMPTY_TREE as Oid }])
  })

  it('refuses a file and a folder of one name', () => {
    const history = new History()
    const edits = new Map([
      [path('a'), history.file('1')],
      [path('a/b'), history.file('1')],
    ])
    expect(() => history.run(editTree(nodeCodec, null, edits))).toThrowError(RangeError)
  })
})
