import { TransportError } from '../../ports/errors.ts'
import type { ByteStream } from '../../ports/transport.ts'
import { bridgeStreams } from '../../engine/bridge-streams.ts'
import type { ServiceRequest } from '../../protocol/git/service-request.ts'
import { UsageError } from '../usage-error.ts'
import type { OpenRemote } from './open-remote.ts'

/*
 * What git and a remote helper say to each other (git: gitremote-helpers), the helper's side, with one capability:
 *   > capabilities LF               < connect LF LF
 *   > connect git-upload-pack LF    < LF, and from then on both ways are the bytes of that service
 *   > connect SOMETHING-ELSE LF     < fallback LF
 *   > LF, or the end                over
 */

/** Longest line that git sends before it connects. */
const MAX_LINE = 4096
const LF = 0x0a

/**
 * Serves git on its pipes until the conversation is over. @throws what keeps the remote from being opened; UsageError when it is not
 * git that talks to us
 */
export async function runHelper(
  git: ByteStream,
  open: (service: Omit<ServiceRequest, 'path'>) => Promise<OpenRemote>,
  protocol = 2,
): Promise<void> {
  const lines = new LineReader(git)
  const say = (text: string): Promise<void> => git.write(new TextEncoder().encode(text))
  for (;;) {
    const line = await lines.read()
    if (line === null || line === '') return git.finish()
    const service = /^connect (.*)$/.exec(line)?.[1]
    if (line === 'capabilities') await say('connect\n\n')
    else if (service === 'git-upload-pack' || service === 'git-receive-pack') {
      const isPush = service === 'git-receive-pack'
      const version = isPush && protocol === 2 ? 0 : protocol // there is no version 2 of pushing
      const remote = await open({ service, version })
      try {
        await say('\n')
        return await bridgeStreams(lines.rest(), remote.stream)
      } catch (error) {
        if (!isGitsEnd(error)) throw error
      } finally {
        await remote.close()
      }
      return
    } else if (service !== undefined) await say('fallback\n')
    else throw new UsageError('usage', 'this program is called by git: try "git clone tandem::NAME"')
  }
}

/** Git hangs up when it has what it wants, or was interrupted; it has said what there is to say. */
function isGitsEnd(error: unknown): boolean {
  return error instanceof TransportError && (error.code === 'reset' || error.code === 'aborted')
}

class LineReader {
  #waiting: Uint8Array = new Uint8Array(0)

  constructor(private readonly stream: ByteStream) {}

  /** Null at the end. @throws UsageError for a line that does not end */
  async read(): Promise<string | null> {
    for (;;) {
      const at = this.#waiting.indexOf(LF)
      if (at >= 0) {
        const line = new TextDecoder().decode(this.#waiting.subarray(0, at))
        this.#waiting = this.#waiting.slice(at + 1)
        return line
      }
      if (this.#waiting.length > MAX_LINE) throw new UsageError('usage', 'this program is called by git')
      const chunk = await this.stream.read()
      if (!chunk) return null
      const longer = new Uint8Array(this.#waiting.length + chunk.length)
      longer.set(this.#waiting)
      longer.set(chunk, this.#waiting.length)
      this.#waiting = longer
    }
  }

  /** The stream from behind the last line on. */
  rest(): ByteStream {
    const { stream } = this
    return {
      read: async (max) => {
        if (this.#waiting.length === 0) return stream.read(max)
        const taken = this.#waiting.subarray(0, max)
        this.#waiting = this.#waiting.subarray(taken.length)
        return taken
      },
      write: (bytes) => stream.write(bytes),
      finish: () => stream.finish(),
      abort: () => stream.abort(),
    }
  }
}
