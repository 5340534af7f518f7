import type { PairingQuestion } from '../engine/pairing-session.ts'
import { PairingError } from '../ports/errors.ts'
import { comparisonReport } from './comparison.ts'
import type { Asker } from './engine-host.ts'

export interface AskerOptions {
  /** The link's secret suffices: the code is not shown, and the comparison is shown without a question. */
  readonly yes: boolean
  /** Tells the command: `{question, code, device}`, `{question, comparison, device}`, `{question, withdrawn}`. */
  readonly tell: (event: unknown) => unknown
  readonly onDeclined?: () => void
  /** Whether the command itself came to its end, so that nothing is left to be withdrawn. */
  readonly isOver: () => boolean
}

/** The questions of pairings under way (P3, E9): to the person who runs the command, and their answers back. */
export class PairingQuestions {
  readonly #open = new Map<string, (accepted: boolean) => void>()
  /** The newest question of each pairing, by the pairing's signal. */
  readonly #newest = new WeakMap<AbortSignal, string>()
  #next = 1

  /** False when no such question stands. */
  answer(question: string, accepted: boolean): boolean {
    const answer = this.#open.get(question)
    answer?.(accepted)
    return answer !== undefined
  }

  asker({ yes, tell, onDeclined, isOver }: AskerOptions): Asker {
    return (question, signal) => {
      if (yes) {
        if (question.kind === 'vaults') tell(shown(question))
        return Promise.resolve(true)
      }
      return new Promise((resolve) => {
        const key = String(this.#next++)
        this.#newest.set(signal, key)
        // Also after a yes: then the person waits for the other one, who did not go on.
        const withdraw = () => {
          this.#open.delete(key)
          resolve(false)
          const expired = signal.reason instanceof PairingError && signal.reason.code === 'expired'
          if (this.#newest.get(signal) === key && !expired && !isOver()) tell({ question: key, withdrawn: true })
        }
        signal.addEventListener('abort', withdraw, { once: true })
        this.#open.set(key, (accepted) => {
          this.#open.delete(key)
          resolve(accepted)
          if (accepted) return
          signal.removeEventListener('abort', withdraw)
          onDeclined?.()
        })
        tell({ question: key, ...shown(question) })
      })
    }
  }
}

function shown(question: PairingQuestion): object {
  const { deviceName: device } = question
  return question.kind === 'code'
    ? { code: question.code, device }
    : { comparison: comparisonReport(question.comparison), device }
}
