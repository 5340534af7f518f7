/**
 * What goes over multicast DNS (RFC 6762, service discovery as in RFC 6763), in one packet each:
 *
 *     question   PTR  _tandem._udp.local
 *     answer     PTR  _tandem._udp.local -> <token>._tandem._udp.local
 *                SRV  <token>._tandem._udp.local -> <token>.local, port of the first socket
 *                TXT  <token>._tandem._udp.local    a=ip:port, one for each socket
 *
 * with a life of 120 s; 0 takes it back. No name of a device, a vault or a host is in it.
 */
import type { Answer, Packet } from 'multicast-dns'
import { parseSocketAddress } from '../../peers/socket-address.ts'
import type { LanFound } from '../../ports/discovery.ts'

const SERVICE = '_tandem._udp.local'
const TTL_SECONDS = 120
/** Of one announcement, said and believed. */
const MAX_ADDRESSES = 8
/** One Ethernet frame. Ours have some 300 bytes. */
const MAX_BYTES = 1472
const MAX_RECORDS = 32
const HEADER_BYTES = 12
const SERVICE_LABEL = Buffer.from('\x07_tandem\x04_udp')

export const QUERY: Packet = { questions: [{ name: SERVICE, type: 'PTR' }] }

/** `alive` false takes the announcement back. */
export function announcement(token: string, direct: readonly string[], alive: boolean): Packet {
  const ttl = alive ? TTL_SECONDS : 0
  const name = `${token}.${SERVICE}`
  const port = parseSocketAddress(direct[0] ?? '')?.port ?? 0
  return {
    answers: [
      { name: SERVICE, type: 'PTR', ttl, data: name },
      { name, type: 'SRV', ttl, flush: true, data: { port, target: `${token}.local` } },
      { name, type: 'TXT', ttl, flush: true, data: direct.slice(0, MAX_ADDRESSES).map((socket) => `a=${socket}`) },
    ],
  }
}

/** Whether a datagram is worth decoding: small, few records, and about us. Cheap, and safe on any bytes. */
export function mayConcernUs(bytes: Uint8Array): boolean {
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_BYTES) return false
  let records = 0
  for (let at = 4; at < HEADER_BYTES; at += 2) records += (bytes[at]! << 8) | bytes[at + 1]!
  return records <= MAX_RECORDS && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(SERVICE_LABEL)
}

export function asksForUs({ questions }: Packet): boolean {
  return (questions ?? []).some(({ name, type }) => name === SERVICE && (type === 'PTR' || type === 'ANY'))
}

/** Who announces itself in a packet, at addresses that `isNear` believes. What is taken back or malformed is left out. */
export function foundIn({ answers, additionals }: Packet, isNear: (socket: string) => boolean): LanFound[] {
  const found: LanFound[] = []
  for (const answer of [...(answers ?? []), ...(additionals ?? [])]) {
    const token = tokenOf(answer)
    if (token === undefined || !answer.ttl) continue
    const direct = textsOf(answer.data)
      .slice(0, MAX_ADDRESSES)
      .filter((text) => text.startsWith('a='))
      .map((text) => text.slice(2))
      .filter((socket) => parseSocketAddress(socket) && isNear(socket))
    if (direct.length) found.push({ token, direct })
  }
  return found
}

function tokenOf({ name, type }: Answer): string | undefined {
  return type === 'TXT' ? /^([a-z0-9]{1,63})\._tandem\._udp\.local$/.exec(name)?.[1] : undefined
}

function textsOf(data: unknown): string[] {
  const list: unknown[] = Array.isArray(data) ? data : [data]
  return list.map((part) => (part instanceof Uint8Array ? new TextDecoder('latin1').decode(part) : ''))
}
