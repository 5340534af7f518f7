import type { Grant } from '../ports/share-record.ts'
import type { EndpointId } from '../ports/transport.ts'
import { equalBytes } from './pairing-proof.ts'

export interface Invitation {
  readonly secret: Uint8Array
  readonly share: string
  /** What whoever uses it may do with the share. */
  readonly grant: Grant
  readonly expiresAt: number
  /** Who used it: only that device may repeat a pairing that was cut in its last step. */
  readonly usedBy: EndpointId | null
}

/** Failed proofs in a minute, from anybody, after which no pairing is answered for the rest of it (P2). */
const MAX_FAILURES = 10
/** Invitations open at once (P2). */
export const MAX_OPEN_INVITATIONS = 10
const MINUTE = 60_000

/** The invitations of this device: each single-use and short-lived (P1, P2). Time comes from outside. */
export class Invitations {
  #list: Invitation[] = []
  #failures: number[] = []

  /** Of more than ten the one that was used longest ago goes, or else the oldest; it is returned. */
  add(secret: Uint8Array, share: string, expiresAt: number, grant: Grant = 'write'): Invitation | null {
    this.#list.push({ secret, share, grant, expiresAt, usedBy: null })
    if (this.#list.length <= MAX_OPEN_INVITATIONS) return null
    const used = this.#list.findIndex(({ usedBy }) => usedBy !== null)
    return this.#list.splice(Math.max(0, used), 1)[0]!
  }

  cancel(secret: Uint8Array): void {
    this.#list = this.#list.filter((i) => !equalBytes(i.secret, secret))
  }

  /** Secrets that `device` may prove now; none while too many proofs failed. */
  openFor(device: EndpointId, now: number): readonly Uint8Array[] {
    this.#failures = this.#failures.filter((at) => now - at < MINUTE)
    if (this.#failures.length >= MAX_FAILURES) return []
    this.#list = this.#list.filter((i) => i.expiresAt > now)
    return this.#list.filter((i) => i.usedBy === null || i.usedBy === device).map((i) => i.secret)
  }

  find(secret: Uint8Array): Invitation | undefined {
    return this.#list.find((i) => equalBytes(i.secret, secret))
  }

  markUsed(secret: Uint8Array, device: EndpointId): void {
    this.#list = this.#list.map((i) => (equalBytes(i.secret, secret) ? { ...i, usedBy: device } : i))
  }

  /** Nobody has it after all: the device that used it refused in the last step. */
  markUnused(secret: Uint8Array): void {
    this.#list = this.#list.map((i) => (equalBytes(i.secret, secret) ? { ...i, usedBy: null } : i))
  }

  /** A wrong secret does not burn an invitation, it only slows the guesser down. */
  countFailure(now: number): void {
    this.#failures = [...this.#failures, now].slice(-MAX_FAILURES)
  }
}
