import type { PairingQuestion } from '../../engine/pairing-session.ts'

/** Between the engine, which waits for an answer, and a screen, which hears of a question and answers some time. */
export class QuestionRelay {
  #answer: ((yes: boolean) => void) | null = null
  readonly #onQuestion: (question: PairingQuestion) => void
  readonly #onWithdrawn: () => void

  constructor(onQuestion: (question: PairingQuestion) => void, onWithdrawn: () => void) {
    this.#onQuestion = onQuestion
    this.#onWithdrawn = onWithdrawn
  }

  readonly ask = (question: PairingQuestion, signal: AbortSignal): Promise<boolean> => {
    this.answer(false) // one at a time
    return new Promise<boolean>((resolve) => {
      this.#answer = resolve
      // Also after the answer: it ends when the other device says no.
      signal.addEventListener('abort', () => {
        resolve(false)
        if (this.#answer === resolve) this.#answer = null
        this.#onWithdrawn()
      })
      this.#onQuestion(question)
    })
  }

  /** Does nothing when no question is open. */
  answer(yes: boolean): void {
    const answer = this.#answer
    this.#answer = null
    answer?.(yes)
  }
}
