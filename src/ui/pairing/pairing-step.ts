import type { PairingQuestion } from '../../engine/pairing-session.ts'
import type { VaultComparison } from '../../history/compare-vaults.ts'

/** What both sides of a pairing see once they talk to each other. `paired`: both have stored each other. */
export type PairingStep =
  | { readonly kind: 'code'; readonly deviceName: string; readonly code: string; readonly paired: boolean }
  | {
      readonly kind: 'vaults'
      readonly deviceName: string
      readonly comparison: VaultComparison
      readonly paired: boolean
    }
  /** We said yes; the other device has not yet. */
  | { readonly kind: 'answered'; readonly deviceName: string; readonly paired: boolean }
  | { readonly kind: 'done'; readonly deviceName: string }

export function stepOf(question: PairingQuestion, paired: boolean): PairingStep {
  const { deviceName } = question
  return question.kind === 'code'
    ? { kind: 'code', deviceName, code: question.code, paired }
    : { kind: 'vaults', deviceName, comparison: question.comparison, paired }
}

export function isPairingStep(state: { readonly kind: string }): state is PairingStep {
  return state.kind === 'code' || state.kind === 'vaults' || state.kind === 'answered' || state.kind === 'done'
}

/** After a yes. */
export function agreed({ deviceName, paired }: { deviceName: string; paired: boolean }): PairingStep {
  return paired ? { kind: 'done', deviceName } : { kind: 'answered', deviceName, paired }
}

/** Both devices stored each other: a question that is open stays to be answered. */
export function nowPaired(state: { readonly kind: string }, deviceName: string): PairingStep {
  if (isPairingStep(state) && (state.kind === 'code' || state.kind === 'vaults')) return { ...state, paired: true }
  return { kind: 'done', deviceName }
}

/** `123456` as people read it out: `123 456`. */
export function spacedCode(code: string): string {
  return code.replace(/\B(?=(\d{3})+$)/g, ' ')
}
