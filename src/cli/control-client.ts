import { createConnection } from 'node:net'
import { ControlError, fromWireError, parseReply } from './control-message.ts'
import { controlPath } from './control-path.ts'
import { nobodyListens } from './control-probe.ts'
import { LineSplitter, MAX_LINE } from './line-splitter.ts'

/**
 * Sends one request to the process that serves a state folder and resolves to its result; events on the way go to
 * `onEvent`, which may return a promise to have the other process wait. The other process aborts the work when the signal does.
 * @throws ControlError `not-running`, `gone`, `bad-line`, `too-large`; the signal's reason; or the error of the other
 * process, with the name, code and data that it had there.
 */
export function callControl(
  stateFolder: string,
  method: string,
  params: unknown,
  onEvent: (event: unknown) => unknown = () => {},
  signal?: AbortSignal,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const line = Buffer.from(`${JSON.stringify({ id: 1, method, params })}\n`)
    if (line.length - 1 > MAX_LINE) throw new ControlError('too-large', `a request of ${line.length} bytes`)

    const socket = createConnection(controlPath(stateFolder))
    const splitter = new LineSplitter()
    const finish = (settle: () => void): void => {
      signal?.removeEventListener('abort', onAbort)
      settle()
      socket.destroy()
    }
    const fail = (error: unknown): void =>
      finish(() => reject(error instanceof Error ? error : new Error(String(error))))
    const onAbort = (): void => fail(signal?.reason)
    signal?.addEventListener('abort', onAbort)

    let holding = 0
    const holdBack = (taken: unknown): void => {
      if (!(taken instanceof Promise)) return
      holding++
      socket.pause()
      void taken.catch(fail).then(() => {
        if (--holding === 0) socket.resume()
      })
    }
    const take = (text: string): void => {
      const reply = parseReply(text)
      if ('event' in reply) holdBack(onEvent(reply.event))
      else if ('error' in reply) fail(fromWireError(reply.error))
      else finish(() => resolve(reply.result))
    }

    socket.once('connect', () => socket.write(line))
    socket.on('data', (chunk) => {
      try {
        for (const text of splitter.push(chunk)) if (!socket.destroyed) take(text)
      } catch (error) {
        fail(
          error instanceof RangeError || error instanceof TypeError
            ? new ControlError('bad-line', error.message)
            : error,
        )
      }
    })
    socket.on('error', (cause) => {
      fail(
        nobodyListens(cause)
          ? new ControlError('not-running', 'no process serves this state folder', {}, { cause })
          : new ControlError('gone', `the running process cannot be spoken to: ${cause.message}`, {}, { cause }),
      )
    })
    socket.on('close', () => fail(new ControlError('gone', 'the running process ended before it answered')))
  })
}
