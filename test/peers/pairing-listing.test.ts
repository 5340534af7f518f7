import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { VaultListing } from '../../src/history/compare-vaults.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import {
  chunksOf,
  listedBytes,
  MAX_CHUNK_BYTES,
  MAX_LISTED_FILES,
  NOTHING_ARRIVED,
  takeChunk,
  type ArrivedListing,
} from '../../src/peers/pairing-listing.ts'
import { encodeMessage } from '../../src/protocol/messages.ts'
import { aListing, anOid, manyFiles } from '../support/sample-messages.ts'

function arrive(chunks: readonly VaultListing[]): ArrivedListing | string {
  let arrived: ArrivedListing | string = NOTHING_ARRIVED
  for (const [i, chunk] of chunks.entries())
    if (typeof arrived !== 'string') arrived = takeChunk(arrived, chunk, i === chunks.length - 1)
  return arrived
}

const longPaths = (count: number): VaultListing =>
  Array.from({ length: count }, (_, i) => ({
    path: `${String(i).padStart(6, '0')}${'/ä'.repeat(1_300)}` as VaultPath,
    oid: anOid(i),
  }))

describe('the listing of a vault', () => {
  it('[E9] arrives as it was, whatever the lengths of the paths', () => {
    const listing = fc
      .array(fc.nat({ max: 1_300 }), { maxLength: 200 })
      .map((lengths): VaultListing =>
        lengths.map((n, i) => ({ path: `${String(i).padStart(6, '0')}${'/ä'.repeat(n)}` as VaultPath, oid: anOid(i) })),
      )
    fc.assert(
      fc.property(listing, (files) => {
        const chunks = chunksOf(files)!
        const arrived = arrive(chunks)
        if (typeof arrived === 'string') throw new Error(arrived)
        expect([arrived.complete, arrived.files, arrived.chunks.flat()]).toEqual([true, files.length, files])
        for (const chunk of chunks)
          expect(chunk.reduce((sum, file) => sum + listedBytes(file), 0)).toBeLessThanOrEqual(MAX_CHUNK_BYTES)
      }),
    )
  })

  it('[T8] takes no more than the limit says, also as a message', () => {
    for (const listing of [manyFiles(20_000, 'folder'), longPaths(500)])
      for (const files of chunksOf(listing)!)
        expect(encodeMessage({ kind: 'pair-listing', files, last: false }).length).toBeLessThanOrEqual(MAX_CHUNK_BYTES)
  })

  it('[E9] of nothing is one empty chunk', () => {
    expect(chunksOf([])).toEqual([[]])
    expect(arrive([[]])).toMatchObject({ complete: true, files: 0 })
  })

  it('[T8] of the most files is sent and taken; of one more it is not', () => {
    const most = manyFiles(MAX_LISTED_FILES, 'folder')
    expect(arrive(chunksOf(most)!)).toMatchObject({ complete: true, files: MAX_LISTED_FILES })
    expect(chunksOf([...most, ...aListing({ 'z.md': 1 })])).toBeNull()
    expect(chunksOf(longPaths(13_000))).toBeNull() // 34 MiB
  })

  it.each<[string, VaultListing[]]>([
    ['a path twice in a chunk', [[...aListing({ a: 1 }), ...aListing({ a: 2 })], []]],
    ['a path twice in two chunks', [aListing({ a: 1 }), aListing({ a: 1 })]],
    ['a step back', [aListing({ b: 1 }), aListing({ a: 1 })]],
    ['an empty chunk before the end', [[], aListing({ a: 1 })]],
    ['an empty end after something', [aListing({ a: 1 }), []]],
    ['a chunk that is too large', [manyFiles(2_000, 'folder')]],
  ])('[T8] with %s is refused in words', (_what, chunks) => {
    expect(arrive(chunks)).toMatch(/^the other device (listed|sent) /)
  })

  it('[T8] is refused after its end', () => {
    const arrived = takeChunk(NOTHING_ARRIVED, [], true) as ArrivedListing
    expect(takeChunk(arrived, aListing({ a: 1 }), true)).toMatch(/after the end/)
  })
})
