import { CorruptObjectError } from '../objects/errors.ts'
import type { Oid } from '../objects/oid.ts'
import { FLUSH_PKT } from '../objects/pkt-line.ts'
import { ProtocolError, TransportError } from '../ports/errors.ts'
import type { ByteStream } from '../ports/transport.ts'
import { readAdvertisement } from '../protocol/git/fetch-client.ts'
import { encodeFetchCommand, readPackfileHeader } from '../protocol/git/fetch-command.ts'
import type { FetchCommand } from '../protocol/git/fetch-command.ts'
import { encodeObjectInfoCommand, readObjectInfo } from '../protocol/git/object-info.ts'
import { encodeServiceRequest } from '../protocol/git/service-request.ts'
import type { GitSession } from '../protocol/git/git-session.ts'
import { openWithin } from './open-within.ts'
import type { IdleTimeout } from './recovery.ts'
import { PktStream, runGitSession } from './pkt-stream.ts'

/**
 * One conversation with a peer's `git-upload-pack` (T1): any number of commands on one stream. Answers come in the order in which
 * they were asked for, and must be read in it; a command may be written before the answers of earlier ones were read.
 */
export class GitBulkSession {
  readonly #stream: ByteStream
  readonly #lines: PktStream
  readonly #agent: string
  readonly #idle: IdleTimeout
  readonly #release: () => void
  #greeted = false
  /** Written one after another, and not waited for: the peer may be busy answering. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(stream: ByteStream, agent: string, idle: IdleTimeout, release: () => void) {
    this.#stream = stream
    this.#agent = agent
    this.#idle = idle
    this.#release = release
    this.#lines = new PktStream({
      read: async (max) => {
        const chunk = await stream.read(max)
        idle.touch()
        if (chunk) return chunk
        throw new TransportError('disconnected', 'the transfer ended before it was complete') // T2
      },
      write: () => Promise.reject(new Error('commands are written past the lines')),
      finish: () => stream.finish(),
      abort: () => stream.abort(),
    })
  }

  /**
   * Does not wait for the other side's greeting: it is read with the first answer, which then is a round trip earlier.
   * `signal` ends the session, also long after this resolved. @throws TransportError
   */
  static async open(
    openStream: () => Promise<ByteStream>,
    path: string,
    options: { readonly agent: string; readonly signal: AbortSignal; readonly idle: IdleTimeout },
  ): Promise<GitBulkSession> {
    const { agent, signal, idle } = options
    const stream = await openWithin(openStream, signal, idle)
    const onAbort = (): void => stream.abort()
    signal.addEventListener('abort', onAbort, { once: true })
    const session = new GitBulkSession(stream, agent, idle, () => signal.removeEventListener('abort', onAbort))
    try {
      signal.throwIfAborted()
      session.#write(encodeServiceRequest({ service: 'git-upload-pack', path, version: 2 }))
      return session
    } catch (error) {
      session.abort()
      throw error
    }
  }

  /** How large these are, for those that the peer has. Nothing else may be unanswered. */
  async sizes(oids: readonly Oid[]): Promise<ReadonlyMap<Oid, number>> {
    this.#write(encodeObjectInfoCommand(this.#agent, oids))
    return this.#read(readObjectInfo(oids))
  }

  /** Asks for a pack; `pack` gives it. */
  ask(command: FetchCommand): void {
    this.#write(encodeFetchCommand(this.#agent, command))
  }

  /**
   * The bytes of the pack that was asked for first and not read yet.
   * @throws TransportError when it is cut, or the peer cannot go on; ProtocolError `refused` when the peer does not have it, `bad-message`
   */
  async *pack(): AsyncGenerator<Uint8Array> {
    await this.#read(readPackfileHeader())
    this.#idle.touch()
    try {
      yield* this.#lines.bandData()
    } catch (error) {
      // Begun and not brought to its end: something over there is damaged or busy, and may be mended when it is asked again.
      if (!(error instanceof ProtocolError) || error.code !== 'refused') throw failureOf(error)
      throw new TransportError('reset', `the other device could not go on: ${error.message}`, {}, { cause: error })
    } finally {
      this.#idle.rest()
    }
  }

  /** Says goodbye, and reads to the end so that the stream's slot is free again. May take as long as the connection lives. */
  async close(): Promise<void> {
    try {
      await this.#writing
      if (!this.#greeted) return this.#stream.abort() // nothing was asked
      await this.#stream.write(FLUSH_PKT)
      const finished = this.#stream.finish()
      finished.catch(() => undefined)
      while ((await this.#stream.read()) !== null);
    } catch {
      this.#stream.abort() // everything asked for has come
    } finally {
      this.#release()
    }
  }

  abort(): void {
    this.#release()
    this.#idle.rest()
    this.#stream.abort()
  }

  #write(bytes: Uint8Array): void {
    this.#idle.touch()
    this.#writing = this.#writing.then(() => this.#stream.write(bytes))
    this.#writing.catch(() => undefined) // Whoever reads the answer finds out.
  }

  #run<T>(session: GitSession<never, T>): Promise<T> {
    return runGitSession(session, this.#lines, () => Promise.reject(new Error('nothing to ask for')))
  }

  /** @throws ProtocolError `refused` also when there is no such share (S5) */
  async #read<T>(session: GitSession<never, T>): Promise<T> {
    this.#idle.touch() // the answer to what was asked ahead may be waited for from here on
    try {
      if (!this.#greeted) await this.#run(readAdvertisement())
      this.#greeted = true
      return await this.#run(session)
    } catch (error) {
      throw failureOf(error)
    } finally {
      this.#idle.rest()
    }
  }
}

/** A line that is none is no damaged object: it breaks the protocol, as any other nonsense. */
function failureOf(error: unknown): unknown {
  if (!(error instanceof CorruptObjectError) || error.code !== 'bad-pkt-line') return error
  return new ProtocolError('bad-message', error.message, {}, { cause: error })
}
