import type { networkInterfaces } from 'node:os'
import { parseSocketAddress } from '../../peers/socket-address.ts'

export type Interfaces = ReturnType<typeof networkInterfaces>

interface Subnet {
  readonly ip: Uint8Array
  readonly mask: Uint8Array
}

/** A network that this machine is attached to and can be reached on. */
export interface LanNetwork {
  /** The interface's IPv4 address: multicast goes out from it. */
  readonly address: string
  /** Tells networks apart: interface, address and mask. */
  readonly key: string
  readonly subnets: readonly Subnet[]
  /** Our sockets there, `ip:port`. */
  readonly direct: readonly string[]
}

/** The networks on which one of `direct` (`ip:port`) is ours. Never loopback; never one without IPv4. */
export function planLanNetworks(direct: readonly string[], interfaces: Interfaces): LanNetwork[] {
  const networks: LanNetwork[] = []
  for (const [name, list] of Object.entries(interfaces)) {
    const addresses = (list ?? []).filter(({ internal }) => !internal)
    const main = addresses.find(({ family }) => family === 'IPv4')
    if (!main) continue
    const ips = addresses.map(({ address }) => parseIp(address))
    const ours = direct.filter((socket) => {
      const ip = parseSocketAddress(socket)?.ip
      return ip !== undefined && ips.some((own) => own !== undefined && equals(own, ip))
    })
    if (!ours.length) continue
    const subnets = addresses.flatMap(({ address, netmask }) => {
      const [ip, mask] = [parseIp(address), parseIp(netmask)]
      return ip && mask && ip.length === mask.length ? [{ ip, mask }] : []
    })
    networks.push({ address: main.address, key: `${name} ${main.address} ${main.netmask}`, subnets, direct: ours })
  }
  return networks
}

/** Whether an address, alone or as `ip:port`, belongs to the network itself (RFC 6762 section 11). */
export function isOnNetwork({ subnets }: LanNetwork, address: string): boolean {
  const ip = parseIp(address) ?? parseSocketAddress(address)?.ip
  if (!ip) return false
  return subnets.some(
    (net) =>
      net.ip.length === ip.length && ip.every((byte, i) => (byte & net.mask[i]!) === (net.ip[i]! & net.mask[i]!)),
  )
}

function parseIp(address: string): Uint8Array | undefined {
  return parseSocketAddress(address.includes(':') ? `[${address}]:1` : `${address}:1`)?.ip
}

function equals(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, i) => byte === right[i])
}
