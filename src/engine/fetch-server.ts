import type { Oid } from '../objects/oid.ts'
import type { ByteStream } from '../ports/transport.ts'
import { decodeFetchRequest, encodeFetchReply, type FetchReply } from '../protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../protocol/frames.ts'
import type { Repository } from './repository.ts'
import type { SendProgress } from './transfer-progress.ts'

export interface FetchableShare {
  readonly repository: Repository
  /** Whether the peer may have this one; asked of blobs that are here. */
  mayHave(oid: Oid): Promise<boolean>
}

/**
 * Answers the one request on a stream that is not git's: a large blob from a byte on (T2). `open` gives the share when the peer may have
 * it; a share that it may not have and one that does not exist are refused alike (S5). `progress` hears what is sent.
 */
export async function serveFetch(
  stream: ByteStream,
  open: (share: string) => FetchableShare | undefined,
  onSent: (bytes: number) => void,
  progress?: SendProgress,
): Promise<void> {
  try {
    const frame = await new FrameReader(stream).frame()
    if (!frame) return stream.abort()
    const { share, oid, offset } = decodeFetchRequest(frame)
    const found = open(share)
    const reply = (message: FetchReply) => stream.write(encodeFrame(encodeFetchReply(message)))
    const info = await found?.repository.objects.info(oid)
    if (!found) await reply({ kind: 'refusal', code: 'no-share', message: 'there is no such share here' })
    else if (info?.type !== 'blob' || offset > info.size || !(await found.mayHave(oid)))
      await reply({ kind: 'refusal', code: 'no-object', message: 'there is no such object here' })
    else {
      await reply({ kind: 'large', oid, size: info.size, offset })
      progress?.sent(0, offset)
      for await (const chunk of found.repository.objects.stream(oid, offset)) {
        await stream.write(chunk)
        onSent(chunk.length)
        progress?.sent(0, chunk.length)
      }
      progress?.sent(1, 0)
    }
    await stream.finish()
  } catch (error) {
    progress?.end()
    stream.abort()
    throw error
  }
}
