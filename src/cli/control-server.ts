import { setMaxListeners } from 'node:events'
import { chmod, unlink } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { dirname, resolve } from 'node:path'
import { NodeByteStream } from '../adapters/node/node-byte-stream.ts'
import { StateError } from '../ports/errors.ts'
import type { ByteStream } from '../ports/transport.ts'
import { ControlError, parseRequest, toWireError } from './control-message.ts'
import type { ControlReply, ControlRequest, SentRequest } from './control-message.ts'
import { controlPath, prepareControlFolder } from './control-path.ts'
import { answers } from './control-probe.ts'
import { LineSplitter, MAX_LINE } from './line-splitter.ts'

/**
 * Answers one request. What it returns is the result, what it throws the error; `reply` sends an event before that, and
 * resolves when the client keeps up: a handler that has much to say waits for it. The signal aborts when the client goes away or
 * the server closes.
 */
export type ControlHandler = (
  request: ControlRequest,
  reply: (event: unknown) => Promise<void>,
  signal: AbortSignal,
  handOver: HandOver,
) => Promise<unknown>

/**
 * Answers the request with a result and gives the connection, which carries bytes and no lines from then on. It belongs to the
 * handler until that is over. @throws ControlError `bad-line` when the client has asked for something else on it, too.
 */
export type HandOver = (result: object) => ByteStream

export interface ControlServer {
  readonly path: string
  /** Aborts what is running, waits until every handler has settled, and removes the socket. */
  close(): Promise<void>
}

/** Requests of one connection that run at once. */
const MAX_REQUESTS = 16
/** Unread replies that may pile up before a client counts as gone, bytes. */
const MAX_UNREAD = 8 * 1024 * 1024

/**
 * Serves the control socket of a state folder. To be called by the holder of the folder's lock: that is what makes it
 * safe to replace a socket which a dead process left behind.
 * @throws StateError `in-use` when somebody answers on the socket; `damaged` when there is no safe place for it.
 */
export async function serveControl(stateFolder: string, handler: ControlHandler): Promise<ControlServer> {
  const path = controlPath(stateFolder)
  const isPipe = process.platform === 'win32'
  if (!isPipe && dirname(path) !== resolve(stateFolder)) await prepareControlFolder(path)

  const sessions = new Set<ControlSession>()
  // A stream that is handed over ends one half at a time; who only asks is answered to the end by `ControlSession`.
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const session = new ControlSession(socket, handler)
    sessions.add(session)
    void session.ended.then(() => sessions.delete(session))
  })

  await listen(server, path).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error
    if (isPipe || (await answers(path))) {
      throw new StateError('in-use', 'another tandem process serves this state folder', { path })
    }
    await unlink(path)
    await listen(server, path)
  })
  if (!isPipe) await chmod(path, 0o600)

  return {
    path,
    async close() {
      const closed = new Promise<void>((done) => server.close(() => done())) // also removes the socket
      for (const session of sessions) session.abort()
      await Promise.all([...sessions].map((session) => session.ended))
      await closed
    },
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    server.listen(path, () => {
      server.off('error', fail)
      done()
    })
  })
}

/** One client's connection. */
class ControlSession {
  /** Resolves when the connection and every handler that it started are over. */
  readonly ended: Promise<void>
  private readonly gone = new AbortController()
  private readonly running = new Map<number, Promise<void>>()
  private readonly splitter = new LineSplitter()
  private isHandedOver = false

  constructor(
    private readonly socket: Socket,
    private readonly handler: ControlHandler,
  ) {
    setMaxListeners(0, this.gone.signal) // every running request may listen
    socket.on('data', (chunk) => {
      if (this.isHandedOver) return
      try {
        for (const line of this.splitter.push(chunk)) this.start(parseRequest(line))
      } catch (error) {
        socket.destroy(error as Error) // no id to answer to: the client is not one of ours
      }
    })
    socket.on('end', () => {
      if (!this.isHandedOver) socket.end()
    })
    socket.on('error', () => {}) // 'close' follows
    this.ended = new Promise((done) => {
      socket.on('close', () => {
        this.abort()
        void Promise.all(this.running.values()).then(() => done())
      })
    })
  }

  abort(): void {
    this.gone.abort(new ControlError('aborted', 'the client went away, or the process is ending'))
    this.socket.destroy()
  }

  private start({ id, method, params }: SentRequest): void {
    if (this.running.has(id)) throw new ControlError('bad-line', `request ${id} is running already`)
    if (this.running.size >= MAX_REQUESTS) {
      this.send({ id, error: toWireError(new ControlError('too-many', `more than ${MAX_REQUESTS} requests at once`)) })
      return
    }
    this.running.set(
      id,
      this.answer(id, { method, params }).finally(() => this.running.delete(id)),
    )
  }

  private async answer(id: number, request: ControlRequest): Promise<void> {
    try {
      const reply = (event: unknown): Promise<void> => {
        this.send({ id, event: event ?? null })
        return this.drained()
      }
      const result = await this.handler(request, reply, this.gone.signal, (first) => this.handOver(id, first))
      if (!this.isHandedOver) this.send({ id, result: result ?? null })
    } catch (error) {
      if (this.isHandedOver) this.socket.destroy()
      else this.send({ id, error: shortened(toWireError(error)) })
    }
  }

  private handOver(id: number, result: object): ByteStream {
    const { socket } = this
    if (this.running.size > 1 || this.splitter.unfinished > 0) {
      throw new ControlError('bad-line', 'a connection that becomes a stream carries one request')
    }
    this.send({ id, result })
    this.isHandedOver = true
    socket.pause()
    socket.removeAllListeners('data')
    return new NodeByteStream(socket, socket)
  }

  private drained(): Promise<void> {
    const { socket } = this
    if (!socket.writableNeedDrain || socket.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        socket.off('drain', end).off('close', end)
        resolve()
      }
      socket.on('drain', end).on('close', end)
    })
  }

  /** @throws ControlError `too-large`, into the handler that wanted to say so much. */
  private send(reply: ControlReply): void {
    if (this.socket.destroyed || !this.socket.writable) return
    const line = Buffer.from(`${JSON.stringify(reply)}\n`)
    if (line.length - 1 > MAX_LINE) {
      throw new ControlError('too-large', `a reply of ${line.length} bytes; the limit is ${MAX_LINE}`)
    }
    this.socket.write(line)
    if (this.socket.writableLength > MAX_UNREAD) this.socket.destroy()
  }
}

/** An error always fits a line: its data may not, and then is left out. */
function shortened(error: ReturnType<typeof toWireError>): ReturnType<typeof toWireError> {
  const message = error.message.slice(0, 10_000)
  let size: number
  try {
    size = JSON.stringify(error.data).length
  } catch {
    size = Number.POSITIVE_INFINITY // circular, or a bigint
  }
  return { ...error, message, data: size <= 100_000 ? error.data : {} }
}
