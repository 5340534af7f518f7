import { createConnection } from 'node:net'
import type { Socket } from 'node:net'
import { NodeByteStream } from '../adapters/node/node-byte-stream.ts'
import type { ByteStream } from '../ports/transport.ts'
import { ControlError, fromWireError, parseReply } from './control-message.ts'
import { controlPath } from './control-path.ts'
import { nobodyListens } from './control-probe.ts'
import { MAX_LINE } from './line-splitter.ts'

const LF = 0x0a

/**
 * Sends one request whose answer is a stream: after the line with the result the connection carries bytes, both ways, and belongs
 * to the caller. @throws as `callControl`
 */
export async function openControlStream(
  stateFolder: string,
  method: string,
  params: unknown,
  signal?: AbortSignal,
): Promise<ByteStream> {
  signal?.throwIfAborted()
  // Whoever has sent a push may end its half before it reads the report.
  const socket = createConnection({ path: controlPath(stateFolder), allowHalfOpen: true })
  const onAbort = (): void => void socket.destroy(signal?.reason as Error)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    socket.once('connect', () => socket.write(`${JSON.stringify({ id: 1, method, params })}\n`))
    for (;;) {
      const reply = parseReply(await readReply(socket))
      if ('error' in reply) throw fromWireError(reply.error)
      if ('result' in reply) break
    }
    return new NodeByteStream(socket, socket)
  } catch (error) {
    socket.on('error', () => undefined).destroy()
    signal?.throwIfAborted()
    throw spoken(error as NodeJS.ErrnoException)
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}

/** The next line; what came behind it is left in the socket. */
function readReply(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = Buffer.alloc(0)
    const end = (settle: () => void): void => {
      socket.off('readable', onReadable).off('error', onError).off('end', onEnd).off('close', onEnd)
      settle()
    }
    const onError = (error: Error): void => end(() => reject(error))
    const onEnd = (): void =>
      end(() => reject(new ControlError('gone', 'the running process ended before it answered')))
    const onReadable = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null) {
        const at = chunk.indexOf(LF)
        text = Buffer.concat([text, at < 0 ? chunk : chunk.subarray(0, at)])
        if (text.length > MAX_LINE) return onError(new ControlError('bad-line', 'an answer that does not end'))
        if (at < 0) continue
        const line = text.toString()
        end(() => resolve(line))
        if (at + 1 < chunk.length) socket.unshift(chunk.subarray(at + 1))
        return
      }
    }
    socket.on('readable', onReadable).on('error', onError).on('end', onEnd).on('close', onEnd)
  })
}

function spoken(error: NodeJS.ErrnoException): Error {
  if (error.syscall === undefined) return error
  return nobodyListens(error)
    ? new ControlError('not-running', 'no process serves this state folder', {}, { cause: error })
    : new ControlError('gone', `the running process cannot be spoken to: ${error.message}`, {}, { cause: error })
}
