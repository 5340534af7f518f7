import { expect, it } from 'vitest'
import { LostObjects } from '../../src/engine/lost-objects.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { anOid } from '../support/sample-messages.ts'

const [FIRST, SECOND] = [anOid(1), anOid(2)]

it('[T2] an object that is found to be lost while the store is asked for others stays on the list', async () => {
  const lacks = new Set([FIRST, SECOND])
  let onAsked: () => void = () => undefined
  const lost = new LostObjects({
    missing: async (oids: Iterable<Oid>) => {
      const asked = [...oids]
      onAsked()
      return asked.filter((oid) => lacks.has(oid))
    },
  })
  lost.add(FIRST)
  onAsked = () => lost.add(SECOND)
  expect(await lost.list()).toEqual([FIRST])
  onAsked = () => undefined
  expect(await lost.list()).toEqual([FIRST, SECOND])
  lacks.delete(FIRST)
  expect(await lost.list()).toEqual([SECOND])
})
