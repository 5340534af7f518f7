import { networkInterfaces } from 'node:os'
import { formatSocketAddress, parseSocketAddress } from '../../peers/socket-address.ts'

export type Interfaces = ReturnType<typeof networkInterfaces>

/**
 * Where others may reach sockets that are bound to `bound` (`ip:port`), IPv4 first. For a socket bound to every address,
 * those of this machine that mean something elsewhere: not loopback, and no link-local IPv6, which needs a zone.
 */
export function reachableAddresses(bound: readonly string[], interfaces: Interfaces = networkInterfaces()): string[] {
  const found = new Set<string>()
  for (const socket of bound) {
    const parsed = parseSocketAddress(socket)
    if (!parsed) continue
    if (parsed.ip.some((byte) => byte !== 0)) {
      found.add(formatSocketAddress(parsed))
      continue
    }
    for (const { address, internal, family } of Object.values(interfaces).flatMap((list) => list ?? [])) {
      if (internal || (family === 'IPv4') !== (parsed.ip.length === 4)) continue
      const usable = parseSocketAddress(family === 'IPv4' ? `${address}:${parsed.port}` : `[${address}]:${parsed.port}`)
      if (usable && !isLinkLocal6(usable.ip)) found.add(formatSocketAddress(usable))
    }
  }
  const all = [...found]
  return [...all.filter((text) => !text.startsWith('[')), ...all.filter((text) => text.startsWith('['))]
}

export function isLoopbackSocket(text: string): boolean {
  const ip = parseSocketAddress(text)?.ip
  return ip !== undefined && isLoopback(ip)
}

/** Whether an `ip:port` lies in the own network: loopback, link-local, or a private range (RFC 1918, RFC 4193). */
export function isLocalSocket(text: string): boolean {
  const ip = parseSocketAddress(text)?.ip
  if (!ip) return false
  if (isLoopback(ip)) return true
  if (ip.length === 16) return isLinkLocal6(ip) || (ip[0]! & 0xfe) === 0xfc
  const [a, b] = ip as unknown as [number, number]
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254)
}

function isLoopback(ip: Uint8Array): boolean {
  return ip.length === 4 ? ip[0] === 127 : ip.every((byte, i) => byte === (i === 15 ? 1 : 0))
}

function isLinkLocal6(ip: Uint8Array): boolean {
  return ip.length === 16 && ip[0] === 0xfe && (ip[1]! & 0xc0) === 0x80
}
