import { describe, expect, it } from 'vitest'
import { CheckoutRun, type CheckoutDisk, type PerformedStep } from '../../src/engine/checkout-run.ts'
import { planCheckout } from '../../src/history/checkout-plan.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { parseVaultPath } from '../../src/objects/vault-path.ts'
import { StoreError, VaultError } from '../../src/ports/errors.ts'

const CONTENT = 'a'.repeat(40) as Oid

/** A plan that writes so many new files. */
function planOf(count: number) {
  const target = new Map(
    Array.from({ length: count }, (_, i) => [
      parseVaultPath(`${String(i).padStart(3, '0')}.md`),
      { oid: CONTENT, mode: '100644' as const },
    ]),
  )
  return planCheckout(new Map(), target, () => true)
}

function diskThat(fails: (path: string) => Error | undefined) {
  const tried: string[] = []
  const recorded: string[] = []
  const disk: CheckoutDisk = {
    apply: async (step) => {
      tried.push(step.path)
      await new Promise((resolve) => setImmediate(resolve))
      const error = fails(step.path)
      if (error) throw error
      return { result: 'applied' }
    },
    record: async (steps) => void recorded.push(...steps.map(({ step }) => step.path)),
    now: () => tried.length,
  }
  return { disk, tried, recorded }
}

describe('the steps of a checkout', () => {
  it('go on around a file that cannot be written', async () => {
    const { disk, recorded } = diskThat((path) => (path === '004.md' ? new VaultError('unwritable', 'no') : undefined))
    const run = new CheckoutRun(planOf(30), disk, undefined)
    await run.perform()
    expect(run.failed.map((issue) => issue.path)).toEqual(['004.md'])
    expect(recorded).toHaveLength(29)
  })

  it('end on a full disk without trying the rest', async () => {
    const { disk, tried, recorded } = diskThat((path) =>
      path >= '005.md' ? new VaultError('disk-full', 'no room') : undefined,
    )
    const run = new CheckoutRun(planOf(500), disk, undefined)
    await run.perform()
    expect(tried.length).toBeLessThan(30)
    expect(recorded).toHaveLength(5)
    expect(run.stopped).toBe(true)
  })

  it('end on a damaged repository: nothing is written afterwards, and what was written is noted', async () => {
    const { disk, tried, recorded } = diskThat((path) =>
      path === '010.md' ? new StoreError('damaged', 'a hole') : undefined,
    )
    const run = new CheckoutRun(planOf(200), disk, undefined)
    await expect(run.perform()).rejects.toMatchObject({ code: 'damaged' })
    const after = tried.length
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(tried).toHaveLength(after)
    expect(recorded).toHaveLength(after - 1)
  })

  it('end when the index cannot be written: nothing is written afterwards', async () => {
    const { disk, tried } = diskThat(() => undefined)
    const full = { ...disk, record: () => Promise.reject(new StoreError('disk-full', 'no room')) }
    const run = new CheckoutRun(planOf(900), full, undefined)
    await expect(run.perform()).rejects.toMatchObject({ code: 'disk-full' })
    const after = tried.length
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(tried).toHaveLength(after)
    expect(after).toBeLessThan(520)
  })

  it('are noted with the time when each was done, not that of the note: a file may change in between', async () => {
    const { disk } = diskThat(() => undefined)
    const times: number[] = []
    const noting = {
      ...disk,
      record: async (steps: readonly PerformedStep[]) => void times.push(...steps.map(({ at }) => at)),
    }
    await new CheckoutRun(planOf(30), noting, undefined).perform()
    expect(new Set(times).size).toBeGreaterThan(3)
  })

  it('end when asked to', async () => {
    const stop = new AbortController()
    const { disk, tried } = diskThat((path) => (path === '010.md' ? void stop.abort() : undefined))
    const run = new CheckoutRun(planOf(200), disk, undefined)
    await run.perform(stop.signal)
    expect(tried.length).toBeLessThan(30)
    expect(run.stopped).toBe(true)
  })
})
