import { sentences, systemSentences } from './error-sentences.ts'
import type { Sentence } from './error-sentences.ts'
import { ExitCode } from './exit-codes.ts'
import { printable } from './printable.ts'

/** An error as the command line tells it. In JSON mode this is the line that ends the output. */
export interface ErrorReport {
  /** Stable, for scripts: the code of the typed error, or `unexpected`. */
  readonly code: string
  readonly exitCode: ExitCode
  /** One sentence: what happened, and where. */
  readonly message: string
  /** What to do about it. */
  readonly hint: string
  /** The error's own words, when they say more than the sentence. */
  readonly detail?: string
}

interface TypedError extends Error {
  readonly code?: unknown
  readonly data?: Readonly<Record<string, unknown>>
  readonly path?: unknown
}

/**
 * Turns an error into words and an exit code, by its `name` and `code`, never by its text. An error that came over the
 * control socket from a running process has the same two, and so the same words.
 */
export function errorReport(error: unknown): ErrorReport {
  const typed: TypedError = error instanceof Error ? error : new Error(String(error))
  const code = typeof typed.code === 'string' ? typed.code : undefined
  if (typed.name === 'AbortError') return report('aborted', sentences.TransportError!.aborted!, typed)
  const sentence =
    code === undefined ? undefined : (lookUp(sentences[typed.name], code) ?? lookUp(systemSentences, code))
  if (code !== undefined && sentence) return report(code, sentence, typed)
  return report('unexpected', unexpected, typed)
}

const unexpected: Sentence = {
  exitCode: ExitCode.unexpected,
  message: 'Something unexpected happened.',
  hint: 'Nothing that was synced is lost. Please report it with the text above.',
}

function lookUp(table: Readonly<Record<string, Sentence>> | undefined, code: string): Sentence | undefined {
  return table && Object.hasOwn(table, code) ? table[code] : undefined
}

function report(code: string, { exitCode, message, hint, words: use }: Sentence, error: TypedError): ErrorReport {
  const words = printable(error.message)
  // Holder of a lock, name of the other vault and so on are in the error's own words.
  if (use === 'instead' && words !== '') return { code, exitCode, message: asSentence(words), hint }
  const filled = fill(message, { path: error.path, ...error.data })
  const detail = use !== 'never' && words !== '' && words !== filled ? { detail: words } : {}
  return { code, exitCode, message: filled, hint, ...detail }
}

function asSentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1) + (/[.?!…]$/.test(words) ? '' : '.')
}

/** Puts the data into the sentence; what is not there is spoken of in general. */
function fill(sentence: string, data: Readonly<Record<string, unknown>>): string {
  const filled = sentence.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = data[name]
    return typeof value === 'string' && value !== '' ? `“${printable(value)}”` : 'the file or folder'
  })
  return filled.charAt(0).toUpperCase() + filled.slice(1)
}
