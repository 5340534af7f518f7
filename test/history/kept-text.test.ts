import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { keepsMost } from '../../src/history/kept-text.ts'
import { runReadingSync } from '../../src/history/reading.ts'
import { hashObject } from '../../src/objects/hash.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'

function keeps(old: string | Uint8Array, next: string | Uint8Array): boolean {
  const store = new Map<Oid, GitObject>()
  const put = (content: string | Uint8Array): Oid => {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    const oid = hashObject(nodeCodec, 'blob', bytes)
    store.set(oid, { type: 'blob', content: bytes })
    return oid
  }
  return runReadingSync(keepsMost(put(old), put(next)), ({ oids }) => oids.map((oid) => store.get(oid)!))
}

describe('what counts as an edit, not as an overwritten file (E3)', () => {
  it('is a line more, also in a short note and at the end of one without a newline', () => {
    expect(keeps('x\n', 'x\nand much more than there was before\n')).toBe(true)
    expect(keeps('one line', 'one line\nand another, longer line\n')).toBe(true)
  })

  it('is a word more in the middle of the only line', () => {
    expect(keeps('hello world', 'hello brave new world')).toBe(true)
  })

  it('is whatever happens to an empty file', () => {
    expect(keeps('', 'text')).toBe(true)
  })

  it('is not a file that was emptied, or that holds other text now', () => {
    expect(keeps('one\ntwo\nthree\n', '')).toBe(false)
    expect(keeps('one\ntwo\nthree\n', 'uno\ndos\ntres\n')).toBe(false)
  })

  it('is not a file that lost more than half of its lines', () => {
    expect(keeps('one\ntwo\nsix\nten\n', 'one\n')).toBe(false)
    expect(keeps('one\ntwo\nsix\nten\n', 'ten\nsix\ntwo\n')).toBe(true)
  })

  it('is not a line that stands once where it stood many times', () => {
    expect(keeps('same\n'.repeat(10), 'same\nother\n')).toBe(false)
  })

  it('is not a binary file, before or after', () => {
    expect(keeps(Uint8Array.of(0, 1, 2), Uint8Array.of(0, 1, 2, 3))).toBe(false)
    expect(keeps('text', Uint8Array.of(116, 101, 120, 116, 0))).toBe(false)
  })
})
