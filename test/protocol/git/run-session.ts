import { concatBytes, encodeUtf8 } from '../../../src/objects/bytes.ts'
import { encodePktLine, PktLineDecoder } from '../../../src/objects/pkt-line.ts'
import type { PktLine } from '../../../src/objects/pkt-line.ts'
import type { GitSession, LineRequest } from '../../../src/protocol/git/git-session.ts'

const SIGNS: Readonly<Record<string, PktLine>> = {
  '0000': { kind: 'flush' },
  '0001': { kind: 'delim' },
  '0002': { kind: 'response-end' },
}

/** A line of a transcript: `0000`, `0001`, or text, which gets its line feed. */
export function lineOf(text: string): PktLine {
  return SIGNS[text] ?? { kind: 'data', data: encodeUtf8(`${text}\n`) }
}

/** What was written, as lines of a transcript. A line without a line feed, or that is no text, is shown by its length. */
export function transcript(bytes: Uint8Array): string[] {
  const decoder = new PktLineDecoder()
  decoder.push(bytes)
  const lines: string[] = []
  for (let line = decoder.next(); line; line = decoder.next()) {
    if (line.kind === 'data') lines.push(new TextDecoder().decode(line.data).replace(/\n$/, ''))
    else lines.push({ flush: '0000', delim: '0001', 'response-end': '0002' }[line.kind])
  }
  decoder.end()
  return lines
}

/** Runs a session on these lines; after the last one the input ends. `answer` stands for the engine. */
export function runSession<Request extends { readonly kind: string }, Result>(
  session: GitSession<Request, Result>,
  input: Iterable<string | PktLine>,
  answer: (request: Request) => unknown = () => undefined,
): { result: Result; written: string[] } {
  const lines = input[Symbol.iterator]()
  const written: Uint8Array[] = []
  let step = session.next()
  while (!step.done) {
    const request: { readonly kind: string } = step.value
    let reply: unknown
    if (request.kind === 'read') {
      const { value, done } = lines.next()
      reply = done ? null : typeof value === 'string' ? lineOf(value) : value
    } else if (request.kind === 'write') {
      const { bytes } = request as Extract<LineRequest, { kind: 'write' }>
      written.push(bytes)
    } else reply = answer(step.value as Request)
    step = session.next(reply)
  }
  return { result: step.value, written: transcript(concatBytes(written)) }
}

export function dataLine(text: string): Uint8Array {
  return encodePktLine(encodeUtf8(text))
}
