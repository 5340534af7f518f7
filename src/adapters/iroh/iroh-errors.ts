/**
 * The one place that reads the binding's error texts. Every error of version 1.1 is a plain `Error` with the code
 * `GenericFailure`; its text is Rust's `Debug` form, with a backtrace behind it where RUST_BACKTRACE is set:
 *
 *     streams      Reset(7) · Stopped(9) · ClosedStream · ConnectionLost(<connection>)
 *     connection   ApplicationClosed(ApplicationClose { error_code: 5, reason: b"why" }) · TimedOut · LocallyClosed · Reset …
 *     connect      sentences: `timed out`, `closed`, `Endpoint is closed`, `No addressing information available` …
 *     closed()     closed by peer: why (code 5) · closed by peer: 5 · closed · timed out …
 */
import { TransportError } from '../../ports/errors.ts'
import type { CloseReason } from '../../ports/transport.ts'

/** What the error says, without the backtrace, on one line. */
export function irohMessage(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text
    .split(/\n+Stack backtrace/)[0]!
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 500)
}

/** For reads, writes and finishes. */
export function streamError(cause: unknown): TransportError {
  const text = irohMessage(cause)
  const reset = /^Reset\((\d+)\)/.exec(text)
  if (reset) {
    return new TransportError('reset', 'The other device gave up the stream.', { code: Number(reset[1]) }, { cause })
  }
  const stopped = /^Stopped\((\d+)\)/.exec(text)
  if (stopped) return stoppedError(Number(stopped[1]), cause)
  if (/^ClosedStream/.test(text)) return new TransportError('closed', 'This stream has ended.', {}, { cause })
  return connectionError(cause)
}

/** The other side wants no more of what we send. */
export function stoppedError(code: number, cause?: unknown): TransportError {
  return new TransportError('reset', 'The other device stopped reading the stream.', { code }, { cause })
}

/** For whatever fails because the connection under it is over. */
export function connectionError(cause: unknown): TransportError {
  const text = irohMessage(cause)
  const code = /error_code: (\d+)/.exec(text)
  const by = code ? 'peer' : /LocallyClosed/.test(text) ? 'us' : 'network'
  const data = code ? { by, code: Number(code[1]) } : { by }
  return new TransportError('disconnected', CONNECTION_OVER[by], data, { cause })
}

/** What people read (L10); the binding's own text is in the error's cause. */
const CONNECTION_OVER = {
  us: 'The connection was closed here.',
  peer: 'The other device closed the connection.',
  network: 'The connection was lost.',
} as const

export function connectError(cause: unknown): TransportError {
  const text = irohMessage(cause)
  if (/timed out|TimedOut/.test(text)) return new TransportError('timeout', 'The device did not answer.', {}, { cause })
  if (/^closed$|Endpoint is closed|LocallyClosed/.test(text)) {
    return new TransportError('closed', 'The network endpoint is closed.', {}, { cause })
  }
  if (/UnknownIssuer|invalid peer certificate/.test(text)) {
    return new TransportError('unreachable', 'Another device answers at this address.', { text }, { cause })
  }
  const words = /No addressing information/.test(text)
    ? 'There is no address at which the device could be reached.'
    : /refused to accept|ApplicationClosed|aborted by peer/.test(text)
      ? 'The device turned the connection away; it may be about to end, or busy.'
      : 'The device cannot be reached.'
  return new TransportError('unreachable', words, { text }, { cause })
}

/** The port is another process's, or the system keeps it to itself; numbers of Linux, macOS and Windows. */
export function isPortTaken(error: unknown): boolean {
  return /os error (98|48|10048|13|10013)\b/.test(irohMessage(error))
}

/** This machine has no such address, as where IPv6 is switched off. */
export function isAddressMissing(error: unknown): boolean {
  return /os error (97|47|10047|99|49|10049)\b/.test(irohMessage(error))
}

/** The text of `Connection.closed()`. `by: 'us'` comes without code: the binding does not repeat what we said. */
export function parseCloseReason(text: string): CloseReason {
  if (text === 'closed') return { by: 'us', reason: '' }
  const spoken = /^closed by peer: (.*) \(code (\d+)\)$/s.exec(text)
  if (spoken) return { by: 'peer', code: Number(spoken[2]), reason: spoken[1]! }
  const silent = /^closed by peer: (\d+)$/.exec(text)
  if (silent) return { by: 'peer', code: Number(silent[1]), reason: '' }
  return { by: 'network', reason: text.slice(0, 200) }
}
