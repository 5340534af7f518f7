import { createInterface } from 'node:readline'
import { UsageError } from './usage-error.ts'

export interface PromptOptions {
  /** `--yes`: every question is answered with yes, unseen. */
  readonly yes: boolean
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  /** Where the question goes: stderr, so that stdout holds results alone. */
  readonly output: { write(text: string): unknown }
  readonly signal?: AbortSignal
}

/** A person who answers something else three times is not being understood. */
const TRIES = 3

/**
 * Asks a yes-or-no question. Enter alone, an end of input and three unclear answers count as no.
 * @throws UsageError `needs-terminal` when nobody is there to ask; the signal's reason when aborted.
 */
export async function askYesNo(question: string, options: PromptOptions): Promise<boolean> {
  const { input, output, signal } = options
  if (options.yes) return true
  if (!input.isTTY) {
    throw new UsageError('needs-terminal', `There is no terminal to ask: ${question}`, { question })
  }
  signal?.throwIfAborted()
  // Without `output` the terminal itself edits the line, and Ctrl-C stays an ordinary SIGINT.
  const lines = createInterface({ input, terminal: false })
  const aborted = (): void => lines.close()
  signal?.addEventListener('abort', aborted)
  try {
    output.write(`${question} [y/N] `)
    let tries = 0
    for await (const line of lines) {
      const answer = line.trim().toLowerCase()
      if (answer === 'y' || answer === 'yes') return true
      if (answer === '' || answer === 'n' || answer === 'no') return false
      if (++tries === TRIES) return false
      output.write('Please answer y or n: ')
    }
    signal?.throwIfAborted()
    output.write('\n')
    return false
  } finally {
    signal?.removeEventListener('abort', aborted)
    lines.close()
  }
}
