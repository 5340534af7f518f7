import { decodeUtf8, encodeUtf8 } from '../../objects/bytes.ts'
import { CorruptObjectError } from '../../objects/errors.ts'
import { encodePktLine } from '../../objects/pkt-line.ts'
import type { PktLine } from '../../objects/pkt-line.ts'
import { ProtocolError } from '../../ports/errors.ts'
import type { ProtocolErrorCode } from '../../ports/errors.ts'

/*
 * A session is one side of a conversation in git's wire protocol as a generator: it yields what it wants done and is resumed with
 * the answer. It is synchronous, holds no clock, store or stream, and so runs over a socket, over an Iroh stream and in a test alike.
 * Half-duplex, as git's protocol is: whoever runs it sends what was written before it waits for a line.
 */

/** What every session asks for. */
export type LineRequest =
  /** Answered by the next pkt-line, or null at the input's clean end between two lines. */
  { readonly kind: 'read' } | { readonly kind: 'write'; readonly bytes: Uint8Array }

export type GitSession<Request, Result> = Generator<Request | LineRequest, Result, unknown>

/** How a session ended. Refused: one side sent what the other does not take; the text is git's where git has one. */
export type GitOutcome =
  { readonly result: 'done' } | { readonly result: 'refused'; readonly code: string; readonly message: string }

/** Yields one request and gives its answer; the caller names the type that belongs to the request's kind. */
export function* ask<Request, Answer>(request: Request): Generator<Request, Answer, unknown> {
  return (yield request) as Answer
}

export function readLine(): Generator<LineRequest, PktLine | null, unknown> {
  return ask({ kind: 'read' })
}

export function* write(...parts: readonly Uint8Array[]): Generator<LineRequest, void, unknown> {
  for (const bytes of parts) yield { kind: 'write', bytes }
}

/** A pkt-line of one line of text. */
export function textLine(text: string): Uint8Array {
  return encodePktLine(encodeUtf8(`${text}\n`))
}

const LENIENT = new TextDecoder('utf-8', { ignoreBOM: true })
const LINE_FEED = 0x0a

/** A line's text without its line feed. Bytes that are not UTF-8 become U+FFFD: no name of ours holds that. */
export function lineText(data: Uint8Array): string {
  const line = data.at(-1) === LINE_FEED ? data.subarray(0, -1) : data
  return decodeUtf8(line) ?? LENIENT.decode(line)
}

const LONGEST_QUOTE = 200

/** Something that the other side sent, as a message may show it: printable, and not long. */
export function quoted(text: string): string {
  const printable = text.slice(0, LONGEST_QUOTE).replace(/\p{Cc}/gu, '?')
  return text.length > LONGEST_QUOTE ? `${printable}…` : printable
}

export function refuse(code: ProtocolErrorCode, message: string): ProtocolError {
  return new ProtocolError(code, message)
}

/**
 * Runs a server's session to its end. What it refuses it says in an `ERR` line (git: gitprotocol-common, "error-line") and the
 * session is over; all other errors pass.
 */
export function* sayingErrors<Request>(session: GitSession<Request, void>): GitSession<Request, GitOutcome> {
  try {
    yield* session
    return { result: 'done' }
  } catch (error) {
    const refusal = refusalOf(error)
    if (!refusal) throw error
    yield* write(textLine(`ERR ${refusal.message}`))
    return refusal
  }
}

function refusalOf(error: unknown): Extract<GitOutcome, { result: 'refused' }> | undefined {
  if (error instanceof ProtocolError) return { result: 'refused', code: error.code, message: error.message }
  if (error instanceof CorruptObjectError && error.code === 'bad-pkt-line') {
    return { result: 'refused', code: error.code, message: `protocol error: ${error.message}` }
  }
  return undefined
}
