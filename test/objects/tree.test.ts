import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import { hashObject } from '../../src/objects/hash.ts'
import { oidToBytes, parseOid } from '../../src/objects/oid.ts'
import { compareTreeEntries, decodeTree, encodeTree } from '../../src/objects/tree.ts'
import type { FileMode, TreeEntry } from '../../src/objects/tree.ts'
import { expectCorrupt } from '../support/corrupt.ts'
import { StockGit } from '../support/git.ts'

const OID = parseOid('e69de29bb2d1d6434b8b29ae775ad8c2e48c5391')
const SUBMODULE_OID = parseOid('1'.repeat(40))
const TREE_OID = parseOid('4b825dc642cb6eb9a060e54bf8d69288fbee4904')

function file(name: string, mode: FileMode = '100644'): TreeEntry {
  return { mode, name, oid: mode === '40000' ? TREE_OID : mode === '160000' ? SUBMODULE_OID : OID }
}

function rawTree(...entries: (readonly [mode: string, name: string | Uint8Array])[]): Uint8Array {
  return concatBytes(
    entries.flatMap(([mode, name]) => [
      encodeUtf8(`${mode} `),
      typeof name === 'string' ? encodeUtf8(name) : name,
      new Uint8Array(1),
      oidToBytes(OID),
    ]),
  )
}

const anyName = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 4, unit: 'grapheme' }),
    fc.constantFrom('a', 'a.', 'a-b', 'a0', 'a/', '\uffff', '\ue000', '😀', '\u{10ffff}', 'é'),
  )
  .map((name) => name.replaceAll('/', '').replaceAll('\0', ''))
  .filter((name) => name !== '' && name !== '.' && name !== '..')
const anyEntry = fc
  .record({ name: anyName, mode: fc.constantFrom<FileMode>('100644', '100755', '120000', '40000') })
  .map(({ name, mode }) => file(name, mode))
const anyTree = fc.uniqueArray(anyEntry, { selector: (entry) => entry.name, maxLength: 12 })

describe('tree', () => {
  let git: StockGit
  beforeAll(() => {
    git = StockGit.create()
    git.runWith({ input: '' }, 'hash-object', '-w', '--stdin')
    git.runWith({ input: '' }, 'hash-object', '-w', '-t', 'tree', '--stdin')
  })
  afterAll(() => git.dispose())

  it('[V9] encodes what stock git makes of the same entries', () => {
    const trees = fc.sample(anyTree, { numRuns: 25, seed: 5 })
    trees.push([file('a', '40000'), file('a.b'), file('a0'), file('😀'), file('\uffee'), file('x', '160000')])
    for (const entries of trees) {
      const listing = entries
        .map(({ mode, name, oid }) => {
          const type = mode === '40000' ? 'tree' : mode === '160000' ? 'commit' : 'blob'
          return `${mode.padStart(6, '0')} ${type} ${oid}\t${name}\0`
        })
        .join('')
      const oid = git.runWith({ input: listing }, 'mktree', '-z', '--missing').toString().trim()
      const content = encodeTree(entries)
      expect(hashObject(nodeCodec, 'tree', content)).toBe(oid)
      expect(git.runWith({ input: content }, 'hash-object', '-t', 'tree', '-w', '--stdin').toString().trim()).toBe(oid)
    }
    git.run('fsck', '--strict')
  })

  it('decodes what it encoded, in the order of bytes', () => {
    fc.assert(
      fc.property(anyTree, (entries) => {
        const decoded = decodeTree(encodeTree(entries))
        expect(decoded).toEqual([...entries].sort(compareTreeEntries))
        expect(encodeTree(decoded)).toEqual(encodeTree(entries))
      }),
    )
  })

  it('orders by UTF-8 bytes, folders as if they ended in a slash', () => {
    // In UTF-16 the emoji comes first: its first unit is a surrogate.
    expect(compareTreeEntries(file('\uffee'), file('😀'))).toBeLessThan(0)
    expect('\uffee' < '😀').toBe(false)
    const names = ['a-b', 'a.b', 'a', 'a0'].map((name) => file(name, name === 'a' ? '40000' : '100644'))
    expect(decodeTree(encodeTree(names)).map((entry) => entry.name)).toEqual(['a-b', 'a.b', 'a', 'a0'])
    expect(compareTreeEntries(file('a'), file('a', '40000'))).toBeLessThan(0)
  })

  it('knows the empty tree', () => {
    expect(decodeTree(new Uint8Array(0))).toEqual([])
    expect(hashObject(nodeCodec, 'tree', encodeTree([]))).toBe(TREE_OID)
  })

  it.each([
    ['a name twice', rawTree(['100644', 'a'], ['100644', 'a'])],
    ['a file and a folder of one name', rawTree(['100644', 'a'], ['40000', 'a'])],
    ['the same, not as neighbours', rawTree(['100644', 'a'], ['100644', 'a.b'], ['40000', 'a'])],
    ['entries out of order', rawTree(['100644', 'b'], ['100644', 'a'])],
    ['a folder in a file’s place', rawTree(['40000', 'a'], ['100644', 'a.b'])],
    ['an old mode', rawTree(['100664', 'a'])],
    ['a mode with a leading zero', rawTree(['040000', 'a'])],
    ['an unknown mode', rawTree(['777', 'a'])],
    ['no mode', rawTree(['', 'a'])],
    ['an empty name', rawTree(['100644', ''])],
    ['a slash in a name', rawTree(['100644', 'a/b'])],
    ['a dot', rawTree(['40000', '.'])],
    ['two dots', rawTree(['40000', '..'])],
    ['.git', rawTree(['40000', '.GIT'])],
    ['.git as NTFS reads it', rawTree(['40000', 'git~1'])],
    ['.git as HFS+ reads it', rawTree(['40000', '.gi\u200dt'])],
    ['a name in Latin-1', rawTree(['100644', Uint8Array.of(0x63, 0x61, 0x66, 0xe9)])],
    ['an overlong form', rawTree(['100644', Uint8Array.of(0xc0, 0xaf)])],
    ['a null oid', concatBytes([encodeUtf8('100644 a\0'), new Uint8Array(20)])],
    ['garbage', encodeUtf8('no tree at all, is it')],
  ])('[V9] refuses %s', (_, content) => {
    expectCorrupt(() => decodeTree(content), 'bad-tree')
  })

  it('refuses a tree that is cut short anywhere', () => {
    const whole = rawTree(['100644', 'a'], ['100644', 'b'])
    const first = rawTree(['100644', 'a']).length
    for (let length = 1; length < whole.length; length++) {
      if (length !== first) expectCorrupt(() => decodeTree(whole.subarray(0, length)), 'bad-tree')
    }
    expect(decodeTree(whole)).toHaveLength(2)
  })

  it.each([
    ['a name twice', [file('a'), file('a', '40000')]],
    ['an empty name', [file('')]],
    ['two dots', [file('..')]],
    ['a slash', [file('a/b')]],
    ['NUL', [file('a\0')]],
    ['.git', [file('.Git')]],
    ['a lone surrogate', [file('\ud800')]],
    ['an old mode', [{ mode: '100664' as FileMode, name: 'a', oid: OID }]],
    ['a null oid', [{ ...file('a'), oid: parseOid('0'.repeat(40)) }]],
  ])('[V9] does not encode %s', (_, entries) => {
    expectCorrupt(() => encodeTree(entries), 'bad-tree')
  })

  it('keeps names as they are, a byte order mark and NFD included', () => {
    const names = ['\ufeffa', 'e\u0301']
    expect(decodeTree(encodeTree(names.map((name) => file(name)))).map((entry) => entry.name)).toEqual([
      'e\u0301',
      '\ufeffa',
    ])
  })
})
