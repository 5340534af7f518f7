import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { needsConsent, planCheckout } from '../../src/history/checkout-plan.ts'
import type { LeafMode } from '../../src/history/file-entry.ts'
import type { Oid } from '../../src/objects/oid.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import { path, vaults } from './fixture.ts'

const oid = (digit: string) => digit.repeat(40) as Oid
const known = (files: Record<string, string>) =>
  new Map(Object.entries(files).map(([name, digit]) => [path(name), oid(digit)]))
const target = (files: Record<string, string>, mode: LeafMode = '100644') =>
  new Map(Object.entries(files).map(([name, digit]) => [path(name), { mode, oid: oid(digit) }]))
const everywhere = () => true

describe('planCheckout', () => {
  it('[E1] names in each step the content that it replaces', () => {
    const plan = planCheckout(known({ a: '1', b: '1', c: '1' }), target({ a: '1', b: '2', d: '3' }), everywhere)
    expect(plan).toEqual({
      steps: [
        { kind: 'write', path: 'b', expect: oid('1'), oid: oid('2') },
        { kind: 'write', path: 'd', expect: null, oid: oid('3') },
        { kind: 'delete', path: 'c', expect: oid('1') },
      ],
      writes: 2,
      overwrites: 1,
      deletes: 1,
      moves: 0,
      notHere: [],
    })
  })

  it('writes before it deletes, so that a moved file is never nowhere, except where room must be made', () => {
    const before = known({ 'a.md': '1', folder: '2', 'file/x': '3', 'Case.md': '4' })
    const plan = planCheckout(before, target({ 'z.md': '1', 'folder/x': '2', file: '3', 'case.md': '4' }), everywhere)
    expect(plan.steps.map((step) => `${step.kind} ${step.path}`)).toEqual([
      'delete Case.md',
      'delete file/x',
      'delete folder',
      'write case.md',
      'write file',
      'write folder/x',
      'write z.md',
      'delete a.md',
    ])
  })

  it('turns any vault into any other, each step possible when its turn comes', () => {
    fc.assert(
      fc.property(vaults, vaults, (from, to) => {
        const disk = known(from)
        for (const step of planCheckout(known(from), target(to), everywhere).steps) {
          expect(disk.get(step.path) ?? null).toBe(step.expect)
          if (step.kind === 'delete') disk.delete(step.path)
          else {
            const inTheWay = [...disk.keys()].filter(
              (other) => other.startsWith(`${step.path}/`) || step.path.startsWith(`${other}/`),
            )
            expect(inTheWay).toEqual([])
            disk.set(step.path, step.oid)
          }
        }
        expect(new Map([...disk].sort())).toEqual(new Map([...known(to)].sort()))
      }),
    )
  })

  it('never writes links and submodules, and leaves alone what stands in their place', () => {
    const plan = planCheckout(
      known({ a: '1' }),
      new Map([...target({ b: '2' }, '160000'), ...target({ a: '2' }, '120000')]),
      everywhere,
    )
    expect(plan).toMatchObject({ steps: [], notHere: ['a', 'b'] })
  })

  it('[E2] touches nothing out of scope', () => {
    const inScope = (name: VaultPath) => !name.startsWith('.obsidian/')
    const plan = planCheckout(
      known({ '.obsidian/a': '1', '.obsidian/b': '1' }),
      target({ '.obsidian/a': '2', '.obsidian/c': '2' }),
      inScope,
    )
    expect(plan.steps).toEqual([])
  })
})

describe('[E3] needsConsent', () => {
  const plan = (deletes: number, overwrites: number, moves = 0) => ({ deletes, overwrites, moves })

  it('asks above 50 files in a small share', () => {
    expect(needsConsent(plan(25, 25), 60)).toBe(false)
    expect(needsConsent(plan(26, 25), 60)).toBe(true)
  })

  it('asks above a fifth of a large share', () => {
    expect(needsConsent(plan(200, 0), 1_000)).toBe(false)
    expect(needsConsent(plan(0, 201), 1_000)).toBe(true)
  })

  it('does not count a deletion whose content is written elsewhere, each write serving one deletion', () => {
    expect(needsConsent(plan(60, 0, 10), 0)).toBe(false)
    expect(needsConsent(plan(60, 0, 9), 0)).toBe(true)
    const before = known({ 'old/a': '1', 'old/b': '1', 'old/c': '2' })
    expect(planCheckout(before, target({ 'new/a': '1', 'new/c': '2' }), everywhere)).toMatchObject({
      deletes: 3,
      moves: 2,
    })
  })

  it('never asks for additions', () => {
    const additions = planCheckout(
      new Map(),
      target(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`n${i}`, '1']))),
      everywhere,
    )
    expect(additions.writes).toBe(500)
    expect(needsConsent(additions, 0)).toBe(false)
  })
})
