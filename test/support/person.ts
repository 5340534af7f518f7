import type { PairingQuestion } from '../../src/engine/pairing-session.ts'
import type { TestDevice } from './two-devices.ts'

export interface AskedQuestion {
  readonly question: PairingQuestion
  readonly signal: AbortSignal
  answer(yes: boolean): void
}

/** The person in front of a device, who answers when told to. */
export class Person {
  readonly asked: AskedQuestion[] = []

  constructor(device: TestDevice) {
    device.confirm = (question, signal) =>
      new Promise((answer) => {
        this.asked.push({ question, signal, answer })
      })
  }

  /** Whether the newest question is of this kind and stands. */
  isAsked(kind: PairingQuestion['kind']): boolean {
    const last = this.asked.at(-1)
    return last?.question.kind === kind && !last.signal.aborted
  }

  answer(yes: boolean): void {
    this.asked.at(-1)!.answer(yes)
  }
}
