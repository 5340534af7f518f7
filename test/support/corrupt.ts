import { expect } from 'vitest'
import type { CorruptObjectCode } from '../../src/objects/errors.ts'

/** Expects a CorruptObjectError with the code. */
export function expectCorrupt(run: () => unknown, code: CorruptObjectCode): void {
  let thrown: unknown
  try {
    run()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toMatchObject({ name: 'CorruptObjectError', code })
}

/** Expects the promise to fail with a CorruptObjectError of one of the codes. */
export async function expectCorruptAsync(promise: Promise<unknown>, ...codes: CorruptObjectCode[]): Promise<void> {
  const outcome = await promise.then(
    () => 'nothing was thrown',
    (error: unknown) => error,
  )
  expect(outcome).toMatchObject({ name: 'CorruptObjectError' })
  expect(codes).toContain((outcome as { code: CorruptObjectCode }).code)
}
