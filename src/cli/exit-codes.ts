/** How the program ends. Documented, and never given another meaning. */
export const ExitCode = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  vault: 3,
  state: 4,
  pairing: 5,
  network: 6,
  notInStep: 7,
  cannotWrite: 8,
  interrupted: 130,
} as const

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode]

const meanings: readonly (readonly [ExitCode, string])[] = [
  [ExitCode.ok, 'done'],
  [ExitCode.unexpected, 'an unexpected error: please report it'],
  [ExitCode.usage, 'the command was not understood'],
  [ExitCode.vault, 'the vault is missing, unreadable or not a folder'],
  [ExitCode.state, 'the state folder is missing, in use, damaged, or of another vault'],
  [ExitCode.pairing, 'the link or the pairing was refused'],
  [ExitCode.network, 'the network or the other device cannot be reached'],
  [ExitCode.notInStep, 'not in step: something waits for an answer, or --once could not finish'],
  [ExitCode.cannotWrite, 'the disk is full or cannot be written'],
  [ExitCode.interrupted, 'interrupted'],
]

/** One line of such a section. */
export function exitCodeLine(code: ExitCode): string {
  return `  ${String(code).padStart(3)}  ${meanings.find(([known]) => known === code)![1]}`
}

/** The section of `--help` that lists them all. */
export function exitCodeHelp(): string {
  return ['Exit codes:', ...meanings.map(([code]) => exitCodeLine(code))].join('\n')
}
