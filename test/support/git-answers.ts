import { PktStream, runGitSession } from '../../src/engine/pkt-stream.ts'
import { isGitStream } from '../../src/engine/git-traffic.ts'
import { peekStream } from '../../src/engine/peeked-stream.ts'
import { FLUSH_PKT } from '../../src/objects/pkt-line.ts'
import type { Oid } from '../../src/objects/oid.ts'
import type { ByteStream, Connection } from '../../src/ports/transport.ts'
import type { FetchArguments } from '../../src/protocol/git/fetch-arguments.ts'
import type { GitOutcome } from '../../src/protocol/git/git-session.ts'
import { BAND_DATA, encodeBand } from '../../src/protocol/git/sideband.ts'
import { uploadPack } from '../../src/protocol/git/upload-pack.ts'
import type { UploadPackRequest } from '../../src/protocol/git/upload-pack.ts'

/** What a peer that answers fetches by hand says. What is missing is answered as by one who has everything. */
export interface GitAnswers {
  /** The pack for the `round`th fetch (from 0); null: silence from here on; `raw`: these bytes, in no bands, and the stream's end. */
  pack(fetch: FetchArguments, round: number): Answer | Promise<Answer>
  /** Ten bytes each, unless given. */
  sizes?(oids: readonly Oid[]): readonly (number | null)[]
  notOurs?(oids: readonly Oid[]): Oid | null
  /** Answers a stream that is not git's. */
  other?(stream: ByteStream): Promise<void>
}

export type Answer = Uint8Array | null | { readonly raw: Uint8Array }

/** Answers every stream that is opened on a connection, each on its own. Resolves when the connection is over. */
export async function answerBulk(connection: Connection, answers: GitAnswers): Promise<void> {
  const rounds = { count: 0 }
  for (let stream = await connection.acceptStream(); stream; stream = await connection.acceptStream())
    void answerStream(stream, answers, rounds).catch(() => undefined)
}

async function answerStream(opened: ByteStream, answers: GitAnswers, rounds: { count: number }): Promise<void> {
  const { first, stream } = await peekStream(opened)
  if (first === null || !isGitStream(first)) return answers.other?.(stream)
  const lines = new PktStream(stream)
  await lines.read() // which service, of what
  await runGitSession<UploadPackRequest, GitOutcome>(
    uploadPack({ agent: 'tandem/by-hand', version: 2 }),
    lines,
    async (request) => {
      switch (request.kind) {
        case 'refs':
        case 'common':
          return []
        case 'not-ours':
          return answers.notOurs?.(request.oids) ?? null
        case 'ready':
          return true
        case 'sizes':
          return answers.sizes?.(request.oids) ?? request.oids.map(() => 10)
        case 'pack': {
          const answer = await answers.pack(request.fetch, rounds.count++)
          if (answer instanceof Uint8Array) return sendBands(lines, answer)
          await lines.flush()
          if (answer === null) return new Promise(() => undefined)
          await stream.write(answer.raw)
          await stream.finish()
          return new Promise(() => undefined)
        }
      }
    },
  )
  await stream.finish()
}

async function sendBands(lines: PktStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += 60_000)
    await lines.write(encodeBand(BAND_DATA, bytes.subarray(at, at + 60_000)))
}

/** A pack in bands and the flush behind it, as they are on the wire. */
export function bands(pack: Uint8Array): Uint8Array[] {
  return [encodeBand(BAND_DATA, pack), FLUSH_PKT]
}
