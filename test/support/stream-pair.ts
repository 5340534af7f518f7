import { PassThrough } from 'node:stream'
import { NodeByteStream } from '../../src/adapters/node/node-byte-stream.ts'

/** Two ends of one stream inside this process, with the flow control of a pipe. */
export function streamPair(): [NodeByteStream, NodeByteStream] {
  const [there, back] = [new PassThrough(), new PassThrough()]
  return [new NodeByteStream(back, there), new NodeByteStream(there, back)]
}
