import type { EndpointId, PathInfo } from '../ports/transport.ts'
import { parseSocketAddress } from './socket-address.ts'

/** P2: failed attempts of one address in a minute, after which it has to wait. */
const MAX_FAILURES = 3
const MINUTE = 60_000
/** The wait doubles with each further failure, up to this. */
const MAX_WAIT_MS = 15 * MINUTE
/** An address that kept quiet for this long after its wait is a new one. */
const FORGIVE_MS = 15 * MINUTE
/** Addresses that are remembered. With ten failures a minute in all, the oldest of so many is long forgiven. */
const MAX_ADDRESSES = 256

interface Record {
  /** Times of the failures of the last minute; empty once it has to wait. */
  readonly recent: readonly number[]
  /** Waits in a row; each twice as long as the one before. */
  readonly waits: number
  readonly blockedUntil: number
}

/** Who failed to pair, and how long it has to wait (P2). Bounded, and time comes from outside. */
export class FailedAttempts {
  /** The one that failed last is the last. */
  readonly #records = new Map<string, Record>()

  /** How many addresses are remembered. */
  get size(): number {
    return this.#records.size
  }

  /** Whether none of these addresses has to wait. */
  mayTry(addresses: readonly string[], now: number): boolean {
    return addresses.every((address) => (this.#records.get(address)?.blockedUntil ?? 0) <= now)
  }

  count(addresses: readonly string[], now: number): void {
    for (const [address, record] of this.#records) if (isForgiven(record, now)) this.#records.delete(address)
    for (const address of addresses) {
      const next = afterFailure(this.#records.get(address), now)
      this.#records.delete(address)
      this.#records.set(address, next)
    }
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= MAX_ADDRESSES) break
      this.#records.delete(oldest)
    }
  }
}

function afterFailure(record: Record | undefined, now: number): Record {
  const recent = [...(record?.recent ?? []).filter((at) => now - at < MINUTE), now]
  const waits = record?.waits ?? 0
  if (waits === 0 && recent.length < MAX_FAILURES) return { recent, waits, blockedUntil: 0 }
  return { recent: [], waits: waits + 1, blockedUntil: now + Math.min(MINUTE * 2 ** waits, MAX_WAIT_MS) }
}

function isForgiven({ recent, waits, blockedUntil }: Record, now: number): boolean {
  return waits ? now - blockedUntil >= FORGIVE_MS : recent.every((at) => now - at >= MINUTE)
}

/**
 * What somebody is known by when attempts are counted: always the endpoint id, and the IP addresses of the paths that lead there
 * directly. A relay's address is everybody's, so it counts for nobody. Of an IPv6 address the first 64 bits count: the rest is
 * free to choose for whoever has them (RFC 6177).
 */
export function addressesOf(id: EndpointId, paths: readonly PathInfo[]): string[] {
  const hosts = paths.flatMap(({ kind, address }) => {
    const ip = kind === 'relay' ? undefined : parseSocketAddress(address)?.ip
    return ip ? [`ip ${ip.subarray(0, ip.length === 4 ? 4 : 8).join('.')}`] : []
  })
  return [id, ...new Set(hosts)]
}
