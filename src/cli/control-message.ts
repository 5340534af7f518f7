/**
 * What goes over the control socket: newline-delimited JSON, one object per line, at most 1 MiB each.
 *
 *   client -> server   {"id": 1, "method": "status", "params": {…}}
 *   server -> client   {"id": 1, "event": …}                 any number of them
 *                      {"id": 1, "result": …}                or
 *                      {"id": 1, "error": {"name", "code", "message", "data"}}   ends the request
 *
 * A client that closes its end gives up its requests. After the result of a request for a stream (`git-stream`) the connection
 * carries bytes, both ways, and nothing else.
 */
export interface ControlRequest {
  readonly method: string
  readonly params: unknown
}

export interface SentRequest extends ControlRequest {
  readonly id: number
}

export interface WireError {
  readonly name: string
  readonly code: string
  readonly message: string
  readonly data: Readonly<Record<string, unknown>>
}

export type ControlReply =
  | { readonly id: number; readonly event: unknown }
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: WireError }

export type ControlErrorCode =
  'not-running' | 'gone' | 'bad-line' | 'too-large' | 'unknown-method' | 'too-many' | 'aborted' | 'unexpected'

/**
 * Something about the conversation with a running process. An error of that process itself keeps the `name`, `code` and
 * `data` that it had there (see `fromWireError`).
 */
export class ControlError extends Error {
  override readonly name: string = 'ControlError'
  readonly code: string
  readonly data: Readonly<Record<string, unknown>>
  constructor(code: ControlErrorCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.data = data
  }
}

export function toWireError(error: unknown): WireError {
  if (!(error instanceof Error)) return { name: 'ControlError', code: 'unexpected', message: String(error), data: {} }
  const { code, data } = error as { code?: unknown; data?: unknown }
  if (error.name === 'AbortError') return { name: 'ControlError', code: 'aborted', message: error.message, data: {} }
  if (typeof code !== 'string') return { name: 'ControlError', code: 'unexpected', message: error.message, data: {} }
  return { name: error.name, code, message: error.message, data: isRecord(data) ? data : {} }
}

/** The other process's error, told apart by `name` and `code` like the one it was. */
export function fromWireError(wire: WireError): Error {
  const error = new Error(wire.message) as Error & { code: string; data: WireError['data'] }
  return Object.assign(error, { name: wire.name, code: wire.code, data: wire.data })
}

/** @throws ControlError `bad-line`. */
export function parseRequest(line: string): SentRequest {
  const value = parse(line)
  const { id, method, params } = value
  if (!isId(id) || typeof method !== 'string') throw badLine(line)
  return { id, method, params }
}

/** @throws ControlError `bad-line`. */
export function parseReply(line: string): ControlReply {
  const value = parse(line)
  const { id } = value
  if (!isId(id)) throw badLine(line)
  if ('event' in value) return { id, event: value.event }
  if ('error' in value) {
    const { error } = value
    if (!isRecord(error)) throw badLine(line)
    const text = (key: string): string => (typeof error[key] === 'string' ? error[key] : 'unexpected')
    const data = isRecord(error.data) ? error.data : {}
    return { id, error: { name: text('name'), code: text('code'), message: text('message'), data } }
  }
  return { id, result: value.result }
}

function parse(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (cause) {
    throw badLine(line, cause)
  }
  if (!isRecord(value)) throw badLine(line)
  return value
}

function badLine(line: string, cause?: unknown): ControlError {
  return new ControlError('bad-line', `not a message: ${line.slice(0, 80)}`, {}, { cause })
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value)
}
