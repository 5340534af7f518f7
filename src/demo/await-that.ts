import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode } from '../cli/exit-codes.ts'
import { DemoError } from './demo-error.ts'

export interface AwaitOptions {
  /** Completes the sentence “waited in vain that …”. */
  readonly what: string
  readonly deadlineMs: number
  readonly everyMs?: number
  /** Why to give up before the deadline: interrupted, or a peer has died. */
  readonly signal: AbortSignal
}

/** Short beside what is measured: nothing arrives in under 10 ms. */
const EVERY_MS = 5

/**
 * Looks again and again until `isThere` says so; resolves to the milliseconds since the call.
 * @throws DemoError `too-late` at the deadline, with `exitCode` not-in-step; the signal's reason.
 */
export async function awaitThat(
  isThere: () => boolean | Promise<boolean>,
  { what, deadlineMs, everyMs = EVERY_MS, signal }: AwaitOptions,
): Promise<number> {
  const startedAt = performance.now()
  for (;;) {
    signal.throwIfAborted()
    if (await isThere()) return performance.now() - startedAt
    if (performance.now() - startedAt > deadlineMs) {
      throw new DemoError('too-late', `Waited ${Math.round(deadlineMs / 1000)} s in vain that ${what}.`, {
        hint: 'The folders are kept, so that you can see what is in them.',
        exitCode: ExitCode.notInStep,
      })
    }
    await sleep(everyMs)
  }
}
