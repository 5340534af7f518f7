import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { editedVersion, type EditedVersion } from '../../src/history/edited-version.ts'
import { runReadingSync } from '../../src/history/reading.ts'
import { hashObject } from '../../src/objects/hash.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'

/** Null: no file. */
function edited(old: string | null, written: string | null, now: string | null): EditedVersion {
  const store = new Map<Oid, GitObject>()
  const put = (text: string | null): Oid | undefined => {
    if (text === null) return undefined
    const content = new TextEncoder().encode(text)
    const oid = hashObject(nodeCodec, 'blob', content)
    store.set(oid, { type: 'blob', content })
    return oid
  }
  return runReadingSync(editedVersion(put(old), put(written), put(now)), ({ oids }) => oids.map((o) => store.get(o)!))
}

const OLD = 'one\n\ntwo\n\nthree\n'
const WRITTEN = 'one\n\ntwo\n\nof the peer\n\nthree\n'

describe('[V6] which version a person edited when a checkout was cut', () => {
  it('is the new one when the text has all that it brought, whatever was taken out of the rest', () => {
    expect(edited(OLD, WRITTEN, `${WRITTEN}more\n`)).toBe('new')
    expect(edited(OLD, WRITTEN, 'of the peer\nmore\n')).toBe('new')
    expect(edited(OLD, WRITTEN, WRITTEN.replace('of the peer', 'of the peer, and a word'))).toBe('new')
    expect(edited('A one\nA two\n', 'B one\nB two\n', 'B one\nB two\nmore\n')).toBe('new')
    expect(edited(null, 'new note\n', 'new note\nmore\n')).toBe('new')
  })

  it('is the old one when the text has nothing of what the new one brought', () => {
    expect(edited(OLD, WRITTEN, `${OLD}more\n`)).toBe('old')
    expect(edited(OLD, WRITTEN, 'more\n')).toBe('old')
    expect(edited('A one\nA two\n', 'B one\nB two\n', 'A one\nmore\n')).toBe('old')
    expect(edited('a line and more\n', 'a line or two and more\n', 'a line and more words\n')).toBe('old')
  })

  it('is the new one when that only took out what the text lacks too', () => {
    expect(edited(WRITTEN, OLD, `${OLD}more\n`)).toBe('new')
    expect(edited(WRITTEN, OLD, `${WRITTEN}more\n`)).toBe('old')
  })

  it('is unclear when the text has a part of what the new one brought, or nothing of either', () => {
    expect(edited('A one\nA two\n', 'B one\nB two\n', 'B one\nmore\n')).toBe('unclear')
    expect(edited('A one\nA two\n', 'B one\nB two\n', 'quite other\n')).toBe('unclear')
    expect(edited(OLD, 'one\n\ntwo\n\nof the peer\n\nand more\n\nthree\n', OLD.replace('two', 'and more'))).toBe(
      'unclear',
    )
  })

  it('is unclear for a file that was deleted, and for one that is no text', () => {
    expect(edited(OLD, WRITTEN, null)).toBe('unclear')
    expect(edited('A\0', 'B\0', 'C\0')).toBe('unclear')
    expect(edited(null, 'B\0', 'C\0')).toBe('unclear')
  })

  it('is, where the checkout deleted the file, the old one only as long as most of it is there', () => {
    expect(edited(OLD, null, `${OLD}more\n`)).toBe('old')
    expect(edited(OLD, null, 'a new note of that name\n')).toBe('new')
  })

  it('is the old one where the checkout had nothing to do', () => {
    expect(edited(OLD, OLD, 'anything\n')).toBe('old')
    expect(edited(null, null, 'anything\n')).toBe('old')
  })
})
