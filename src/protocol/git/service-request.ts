import { encodeUtf8 } from '../../objects/bytes.ts'
import { encodePktLine } from '../../objects/pkt-line.ts'
import type { PktLine } from '../../objects/pkt-line.ts'
import { lineText, quoted, refuse } from './git-session.ts'

/*
 * The first line of a stream for git (git: gitprotocol-pack, "Git Transport"; T1): which service, and of which repository.
 *   git-upload-pack /vault NUL [host=… NUL] [NUL version=2 NUL …]
 * What follows the second NUL of a pair are the parameters of later versions.
 */

export type GitService = 'git-upload-pack' | 'git-receive-pack'

export interface ServiceRequest {
  readonly service: GitService
  /** As it was sent: `/vault`. */
  readonly path: string
  /** The protocol version that the client would like; 0 unless it said. */
  readonly version: number
}

const MAX_REQUEST = 8192

/** @throws ProtocolError `bad-message` */
export function decodeServiceRequest(line: PktLine): ServiceRequest {
  if (line.kind !== 'data' || line.data.length > MAX_REQUEST) throw refuse('bad-message', 'a service must be requested')
  const text = lineText(line.data)
  const [command = '', , ...rest] = splitRequest(text)
  const space = command.indexOf(' ')
  const service = command.slice(0, Math.max(0, space))
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') {
    throw refuse('bad-message', `Protocol error: '${quoted(command)}'`)
  }
  const path = command.slice(space + 1)
  const version = rest.map((parameter) => /^version=(\d)$/.exec(parameter)?.[1]).find((digit) => digit !== undefined)
  return { service, path, version: Number(version ?? 0) }
}

export function encodeServiceRequest({ service, path, version }: ServiceRequest): Uint8Array {
  const parameters = version === 0 ? '' : `\0version=${version}\0`
  return encodePktLine(encodeUtf8(`${service} ${path}\0host=tandem\0${parameters}`))
}

/** The command, the host, and the parameters after it. */
function splitRequest(text: string): string[] {
  return text.split('\0').map((part) => part.replace(/\n$/, ''))
}
