import { describe, expect, it } from 'vitest'
import { newJoin, updateJoin, type JoinState } from '../../src/ui/pairing/join-flow.ts'
import { encodePairingLink } from '../../src/peers/pairing-link.ts'
import { placeProblem, suggestedPlace, type VaultPlaces } from '../../src/ui/shares/share-place.ts'
import { linkFromParams } from '../../src/ui/pairing/link-params.ts'
import { scopeSentence } from '../../src/ui/words/share-sentence.ts'
import { anId, OFFER, SHARES } from '../support/obsidian/gallery-data.ts'

const places = (taken: readonly string[], shared: readonly string[] = []): VaultPlaces => ({
  isTaken: (path) => taken.includes(path),
  shared,
})

describe('where a shared folder can go', () => {
  it.each([
    ['Plan', [], 'Plan'],
    ['Plan', ['Plan'], 'Plan 2'],
    ['Plan', ['Plan', 'Plan 2'], 'Plan 3'],
    ['a/b\\c: d?', [], 'a-b-c- d-'],
    ['..', [], 'Shared folder'],
    ['.git', [], 'git'],
    ['Ümlaut 🌱', [], 'Ümlaut 🌱'],
    ['', [], 'Shared folder'],
    ['Pl\u0000an', [], 'Pl-an'],
    ['👩\u200d💻', [], '👩\u200d💻'],
  ])('%j is suggested as a free name (%j taken): %j', (title, taken, place) => {
    expect(suggestedPlace(title, places(taken))).toBe(place)
  })

  it('is never one that another shared folder holds, whatever the case of its letters', () => {
    expect(suggestedPlace('plan', places([], ['Plan']))).toBe('plan 2')
    expect(placeProblem('PLAN/deep', places([], ['Plan']))).toMatch(/overlaps with “Plan”/)
    expect(placeProblem('a', places([], ['a/b']))).toMatch(/overlaps with “a\/b”/)
    expect(placeProblem('ab', places([], ['a']))).toBeNull()
  })
})

describe('[P1] following a link to a folder', () => {
  const offer = { ...OFFER, share: 'c'.repeat(32), title: 'Plan & more' }
  const connecting = (isHere: boolean): JoinState =>
    updateJoin(newJoin(encodePairingLink(offer))[0], { kind: 'submit', isHere })[0]

  it('asks for a place first, and hands it on', () => {
    const asked = connecting(false)
    expect(asked.kind).toBe('place')
    const [state, effects] = updateJoin(asked, { kind: 'placed', folder: 'Here' })
    expect(state.kind).toBe('connecting')
    expect(effects).toMatchObject([{ kind: 'join', folder: 'Here', offer: { title: 'Plan & more' } }])
  })

  it('asks for none when the folder has its place already', () => {
    expect(connecting(true).kind).toBe('connecting')
  })

  it('keeps its title on the way through Obsidian', () => {
    const link = encodePairingLink(offer)
    expect(linkFromParams(Object.fromEntries(new URL(link).searchParams))).toBe(link)
  })
})

describe('[S1] what a device has of the vault', () => {
  const record = (grants?: Record<string, 'read' | 'write'>) => ({ nodeId: anId(11), ...(grants ? { grants } : {}) })

  it.each([
    [undefined, null],
    [{ vault: 'write' as const }, null],
    [{ vault: 'read' as const }, 'only reads this vault'],
    [{ 'id-of-Plan': 'write' as const }, 'only the folders Plan and Recipes'],
  ])('%j: %s', (grants, sentence) => {
    expect(scopeSentence(record(grants), SHARES)).toBe(sentence)
  })

  it('is nothing when all was taken back', () => {
    expect(scopeSentence(record({}), [])).toBe('has nothing of this vault')
  })
})
