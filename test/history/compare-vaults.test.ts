import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareVaults } from '../../src/history/compare-vaults.ts'
import { aListing, manyFiles } from '../support/sample-messages.ts'

/** Few names and few contents, so that two vaults have much in common. */
const aVault = fc.dictionary(fc.constantFrom('a', 'B', 'b', 'c/d', 'c-d', 'ä', '🌲', '\uffee'), fc.nat({ max: 2 }))

describe('compareVaults', () => {
  it('[E9] puts every path where it belongs', () => {
    const here = aListing({ 'a.md': 1, 'b.md': 2, 'c.md': 3 })
    const there = aListing({ 'b.md': 2, 'c.md': 4, 'd.md': 5 })
    expect(compareVaults(here, there)).toEqual({
      onlyHere: ['a.md'],
      onlyThere: ['d.md'],
      different: ['c.md'],
      same: 1,
    })
  })

  it('[E9] agrees with looking every path up', () => {
    fc.assert(
      fc.property(aVault, aVault, (here, there) => {
        const paths = [...new Set([...Object.keys(here), ...Object.keys(there)])].sort()
        const both = paths.filter((path) => path in here && path in there)
        expect(compareVaults(aListing(here), aListing(there))).toEqual({
          onlyHere: paths.filter((path) => !(path in there)),
          onlyThere: paths.filter((path) => !(path in here)),
          different: both.filter((path) => here[path] !== there[path]),
          same: both.filter((path) => here[path] === there[path]).length,
        })
      }),
    )
  })

  it('[E9] says the same on both devices, with here and there swapped', () => {
    fc.assert(
      fc.property(aVault, aVault, (here, there) => {
        const { onlyHere, onlyThere, ...rest } = compareVaults(aListing(here), aListing(there))
        expect(compareVaults(aListing(there), aListing(here))).toEqual({
          onlyHere: onlyThere,
          onlyThere: onlyHere,
          ...rest,
        })
      }),
    )
  })

  it('[E9] of a vault with itself, and with nothing', () => {
    const vault = manyFiles(250_000, 'folder')
    const nothing = { onlyHere: [], onlyThere: [], different: [] }
    expect(compareVaults(vault, vault)).toEqual({ ...nothing, same: 250_000 })
    expect(compareVaults(vault, []).onlyHere).toHaveLength(250_000)
    expect(compareVaults([], [])).toEqual({ ...nothing, same: 0 })
  })
})
