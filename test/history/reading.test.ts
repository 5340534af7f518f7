import { describe, expect, it } from 'vitest'
import {
  readBlobs,
  readCommit,
  readTogether,
  readTree,
  readingWith,
  rememberingTreeReader,
  runReading,
  runReadingSync,
} from '../../src/history/reading.ts'
import type { Reading } from '../../src/history/reading.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { History } from './fixture.ts'

describe('Reading', () => {
  it('puts what several readings ask for at the same time into one request', () => {
    const history = new History()
    const trees = [history.tree({ a: '1' }), history.tree({ b: '2', c: '3' })]
    const entries = history.run(readTogether(trees.map((tree) => readTree(tree))))
    expect(entries.map((list) => list.map((entry) => entry.name))).toEqual([['a'], ['b', 'c']])
    expect(history.requests).toEqual([{ oids: trees }])
  })

  it('keeps requests with different size limits apart', () => {
    const history = new History()
    const [small, large] = [history.blob('12'), history.blob('123456')]
    const readings = [readBlobs([small, large], 3), readBlobs([large], 9), readBlobs([], 1)]
    const texts = history.run(readTogether(readings)).map((list) => list.map((bytes) => bytes && bytes.length))
    expect(texts).toEqual([[2, null], [6], []])
    expect(history.requests).toHaveLength(2)
  })

  it('answers from objects that are not stored yet, in the order asked', () => {
    const history = new History()
    const stored = history.blob('stored')
    const made = 'b'.repeat(40) as Oid
    const objects = new Map<Oid, GitObject>([[made, { type: 'blob', content: new Uint8Array(4) }]])
    const lengths = (reading: Reading<(Uint8Array | null)[]>) =>
      history.run(readingWith(objects, reading)).map((bytes) => bytes?.length)
    expect(lengths(readBlobs([made, stored, made], 100))).toEqual([4, 6, 4])
    expect(lengths(readBlobs([made, stored], 5))).toEqual([4, undefined])
    expect(lengths(readBlobs([made], 3))).toEqual([undefined])
  })

  it('reads a remembered tree once', () => {
    const history = new History()
    const [a, b] = [history.tree({ a: '1' }), history.tree({ b: '1' })]
    const read = rememberingTreeReader(1)
    const names = [a, a, b, a].map((tree) =>
      history
        .run(read(tree))
        .map((entry) => entry.name)
        .join(),
    )
    expect(names).toEqual(['a', 'a', 'b', 'a'])
    expect(history.requests).toHaveLength(3)
  })

  it('refuses an object of another type', () => {
    const history = new History()
    const blob = history.blob('text')
    const bad = expect.objectContaining({ code: 'bad-object' })
    expect(() => history.run(readTree(blob))).toThrowError(bad)
    expect(() => history.run(readCommit(blob))).toThrowError(bad)
    expect(() => history.run(readBlobs([history.tree({})], 9))).toThrowError(bad)
  })

  it('runs over an asynchronous source, whose failure surfaces inside the reading', async () => {
    const history = new History()
    const blob = history.blob('text')
    const read = (oids: readonly Oid[]) => oids.map((oid) => history.objects.get(oid)!)
    await expect(runReading(readBlobs([blob], 9), async ({ oids }) => read(oids))).resolves.toHaveLength(1)
    function* forgiving(): Reading<string> {
      try {
        yield* readBlobs([blob], 9)
        return 'read'
      } catch {
        return 'failed'
      }
    }
    await expect(runReading(forgiving(), () => Promise.reject(new Error('disk')))).resolves.toBe('failed')
    expect(
      runReadingSync(forgiving(), () => {
        throw new Error('disk')
      }),
    ).toBe('failed')
  })
})
