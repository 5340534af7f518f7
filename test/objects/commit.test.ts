import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { concatBytes, encodeUtf8 } from '../../src/objects/bytes.ts'
import { cleanIdentityName, decodeCommit, encodeCommit } from '../../src/objects/commit.ts'
import type { Commit } from '../../src/objects/commit.ts'
import { hashObject } from '../../src/objects/hash.ts'
import { parseOid } from '../../src/objects/oid.ts'
import { expectCorrupt } from '../support/corrupt.ts'
import { StockGit } from '../support/git.ts'

const TREE = parseOid('4b825dc642cb6eb9a060e54bf8d69288fbee4904')
const PARENT = parseOid('a'.repeat(40))
const ADA = { name: 'Ada Lovelace', email: 'ada@example.org', seconds: 1_700_000_000, zoneMinutes: 60 }

function aCommit(change: Partial<Commit> = {}): Commit {
  return { tree: TREE, parents: [], author: ADA, committer: ADA, message: 'Begin\n', ...change }
}

function raw(...lines: string[]): Uint8Array {
  return encodeUtf8(lines.join('\n'))
}

describe('commit', () => {
  let git: StockGit
  beforeAll(() => {
    git = StockGit.create()
    git.runWith({ input: '' }, 'hash-object', '-w', '-t', 'tree', '--stdin')
  })
  afterAll(() => git.dispose())

  it('[V9] encodes what stock git does', () => {
    const oid = git.runWith({ input: 'Begin\n' }, 'commit-tree', TREE).toString().trim()
    const content = encodeCommit(aCommit({ author: ADA, committer: ADA }))
    expect(hashObject(nodeCodec, 'commit', content)).toBe(oid)
    expect(Buffer.compare(content, git.run('cat-file', 'commit', oid))).toBe(0)
  })

  it('[V9] is taken by hash-object and fsck, whatever the zone, the name and the message', () => {
    for (const zoneMinutes of [0, 330, -210, 765, -720]) {
      const author = { name: cleanIdentityName('Büro <3 😀'), email: '', seconds: 0, zoneMinutes }
      const content = encodeCommit(aCommit({ author, message: zoneMinutes === 0 ? '' : 'No line feed: 😀' }))
      const oid = git.runWith({ input: content }, 'hash-object', '-t', 'commit', '-w', '--stdin').toString().trim()
      expect(hashObject(nodeCodec, 'commit', content)).toBe(oid)
      expect(decodeCommit(content).author).toEqual(author)
    }
    const nameless = encodeCommit(aCommit({ author: { ...ADA, name: '' } }))
    git.runWith({ input: nameless }, 'hash-object', '-t', 'commit', '-w', '--stdin')
    git.run('fsck', '--strict')
  })

  it('decodes what it encoded', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((value) => value.replaceAll('\0', ''))
    const identity = fc.record({
      name: text.map(cleanIdentityName),
      email: fc.constantFrom('', 'a@b', 'device.local'),
      seconds: fc.nat(),
      zoneMinutes: fc.integer({ min: -14 * 60, max: 14 * 60 }),
    })
    const commit = fc.record({
      tree: fc.constant(TREE),
      parents: fc.constantFrom([], [PARENT], [PARENT, TREE]),
      author: identity,
      committer: identity,
      message: text,
      headers: fc.constantFrom<[string, string][]>(
        [['gpgsig', '-----BEGIN\n\nabc\n-----END']],
        [
          ['encoding', 'UTF-8'],
          ['x-note', ''],
        ],
      ),
    })
    fc.assert(
      fc.property(commit, (value) => {
        expect(decodeCommit(encodeCommit(value))).toEqual(value)
      }),
    )
  })

  it('keeps the headers that it does not know, in order, with all their lines', () => {
    const content = raw(
      `tree ${TREE}`,
      `parent ${PARENT}`,
      'author Ada Lovelace <ada@example.org> 1700000000 +0100',
      'committer Ada Lovelace <ada@example.org> 1700000000 +0100',
      `mergetag object ${PARENT}`,
      ' type commit',
      ' ',
      ' a tag',
      'encoding UTF-8',
      'gpgsig -----BEGIN PGP SIGNATURE-----',
      ' ',
      ' abc',
      ' -----END PGP SIGNATURE-----',
      '',
      'Subject',
      '',
      'Body\n',
    )
    const commit = decodeCommit(content)
    expect(commit.headers).toEqual([
      ['mergetag', `object ${PARENT}\ntype commit\n\na tag`],
      ['encoding', 'UTF-8'],
      ['gpgsig', '-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----'],
    ])
    expect(commit.message).toBe('Subject\n\nBody\n')
    expect(Buffer.compare(encodeCommit(commit), content)).toBe(0)
  })

  it.each([
    ['no name', ' <a@b> 5 +0000', { name: '', email: 'a@b', seconds: 5, zoneMinutes: 0 }],
    ['nothing before the address', '<a@b> 5 +0000', { name: '', email: 'a@b', seconds: 5, zoneMinutes: 0 }],
    ['no address', 'A <> 5 -0130', { name: 'A', email: '', seconds: 5, zoneMinutes: -90 }],
    ['brackets in the address', 'A <<a@b>> 5 +0000', { name: 'A', email: '<a@b>', seconds: 5, zoneMinutes: 0 }],
    ['no time', 'A <a@b>', { name: 'A', email: 'a@b', seconds: 0, zoneMinutes: 0 }],
    ['no zone', 'A <a@b> 7', { name: 'A', email: 'a@b', seconds: 7, zoneMinutes: 0 }],
    ['a time before 1970', 'A <a@b> -7 +0000', { name: 'A', email: 'a@b', seconds: -7, zoneMinutes: 0 }],
    ['an absurd time', 'A <a@b> 99999999999999999999 +0000', { name: 'A', email: 'a@b', seconds: 0, zoneMinutes: 0 }],
    ['an absurd zone', 'A <a@b> 7 +99999', { name: 'A', email: 'a@b', seconds: 7, zoneMinutes: 0 }],
    ['nothing at all', 'A', { name: 'A', email: '', seconds: 0, zoneMinutes: 0 }],
  ])('decodes an identity with %s', (_, identity, expected) => {
    const content = raw(`tree ${TREE}`, `author ${identity}`, 'committer C <c@d> 1 +0000', '', 'm')
    expect(decodeCommit(content).author).toEqual(expected)
  })

  it('reads text in the encoding that the commit names', () => {
    const head = raw(`tree ${TREE}`, 'author A <> 1 +0000', 'committer A <> 1 +0000', '')
    const message = Uint8Array.of(0x0a, 0xcf, 0xf0, 0xe8)
    expect(decodeCommit(concatBytes([head, encodeUtf8('encoding windows-1251\n'), message])).message).toBe('При')
    expect(decodeCommit(concatBytes([head, message])).message).toBe('Ïðè')
    expect(decodeCommit(concatBytes([head, encodeUtf8('encoding klingon\n'), message])).message).toBe('Ïðè')
  })

  it('decodes a commit without a message', () => {
    const lines = [`tree ${TREE}`, 'author A <> 1 +0000', 'committer A <> 1 +0000']
    expect(decodeCommit(raw(...lines)).message).toBe('')
    expect(decodeCommit(raw(...lines, '')).message).toBe('')
    expect(decodeCommit(raw(...lines, '', '')).message).toBe('')
  })

  it.each([
    ['nothing', ''],
    ['no tree', 'author A <> 1 +0000\ncommitter A <> 1 +0000\n\nm'],
    ['no author', `tree ${TREE}\ncommitter A <> 1 +0000\n\nm`],
    ['no committer', `tree ${TREE}\nauthor A <> 1 +0000\n\nm`],
    ['a bad tree', `tree ${TREE.slice(1)}\nauthor A <> 1 +0000\ncommitter A <> 1 +0000\n\nm`],
    ['a bad parent', `tree ${TREE}\nparent x\nauthor A <> 1 +0000\ncommitter A <> 1 +0000\n\nm`],
    ['a continued line first', ` tree ${TREE}\n`],
  ])('refuses %s', (_, text) => {
    expectCorrupt(() => decodeCommit(encodeUtf8(text)), 'bad-commit')
  })

  it.each<[string, Partial<Commit>]>([
    ['a name with a bracket', { author: { ...ADA, name: 'a<b' } }],
    ['an address with a line feed', { committer: { ...ADA, email: 'a\nb' } }],
    ['a time before 1970', { author: { ...ADA, seconds: -1 } }],
    ['half a second', { author: { ...ADA, seconds: 0.5 } }],
    ['an unknown zone', { author: { ...ADA, zoneMinutes: 6000 } }],
    ['NUL in the message', { message: 'a\0b' }],
    ['a header that is none', { headers: [['a b', 'c']] }],
    ['a second tree', { headers: [['tree', TREE]] }],
    ['a bad parent', { parents: ['x' as typeof TREE] }],
  ])('[V9] does not encode %s', (_, change) => {
    expectCorrupt(() => encodeCommit(aCommit(change)), 'bad-commit')
  })
})

describe('cleanIdentityName', () => {
  it('takes out what an identity cannot hold', () => {
    expect(cleanIdentityName('  Ada <x>\n\tLaptop\0 ')).toBe('Ada x Laptop')
    expect(cleanIdentityName('\ud83d Phone')).toBe('Phone')
  })

  it('is never empty and at most 100 bytes, cut between characters', () => {
    expect(cleanIdentityName('<>\n')).toBe('unknown')
    expect(cleanIdentityName('x' + '😀'.repeat(50))).toBe('x' + '😀'.repeat(24))
    expect(cleanIdentityName('a'.repeat(101))).toBe('a'.repeat(100))
  })
})
