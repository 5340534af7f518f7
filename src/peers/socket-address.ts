/**
 * `ip:port` as text and as bytes: `192.168.1.7:4433`, `[2001:db8::1]:4433`. Numbers only, so that nothing is ever looked
 * up by name; no zone (`%eth0`), which means nothing on another machine.
 */
export interface SocketAddress {
  /** 4 or 16 bytes, in network order. */
  readonly ip: Uint8Array
  /** 1 to 65535. */
  readonly port: number
}

/** `[`, 8 groups of 4, an IPv4 tail, `]:65535`. */
const MAX_TEXT = 56

/** undefined when the text is anything else than a numeric address with a port. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  if (text.length > MAX_TEXT) return undefined
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(text)
  if (!match) return undefined
  const port = Number(match[3])
  const ip = match[1] !== undefined ? parseIpv6(match[1]) : parseIpv4(match[2]!)
  return ip && port >= 1 && port <= 65535 ? { ip, port } : undefined
}

/** The one canonical text of an address (IPv6 as in RFC 5952). */
export function formatSocketAddress({ ip, port }: SocketAddress): string {
  return ip.length === 4 ? `${ip.join('.')}:${port}` : `[${formatIpv6(ip)}]:${port}`
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const ip = new Uint8Array(4)
  for (let i = 0; i < 4; i++) {
    // A leading zero reads as octal in some places: refused, as Rust does.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(parts[i]!) || Number(parts[i]) > 255) return undefined
    ip[i] = Number(parts[i])
  }
  return ip
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : []
  if (!head || !tail) return undefined
  const given = head.length + tail.length
  if (halves.length === 1 ? given !== 16 : given > 14) return undefined
  const ip = new Uint8Array(16)
  ip.set(head, 0)
  ip.set(tail, 16 - tail.length)
  return ip
}

/** The bytes of `a:b:c`; the last group may be an IPv4 address when it ends the whole. */
function parseGroups(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const groups = text.split(':')
  for (const [i, group] of groups.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = parseInt(group, 16)
      bytes.push(value >> 8, value & 0xff)
    } else {
      const ipv4 = last && i === groups.length - 1 ? parseIpv4(group) : undefined
      if (!ipv4) return undefined
      bytes.push(...ipv4)
    }
  }
  return bytes
}

function formatIpv6(ip: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (ip[2 * i]! << 8) | ip[2 * i + 1]!)
  let [start, length] = [0, 0]
  for (let i = 0; i < 8; i++) {
    let end = i
    while (end < 8 && groups[end] === 0) end++
    if (end - i > length) [start, length] = [i, end - i]
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(':')
  return length < 2 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`
}
