/** What a device says of itself; asked anew whenever it is said. */
export interface LanSelf {
  /** A name that means something to paired devices only (`lanToken`): lower-case letters and digits, at most 63. */
  token(): string
  /** Where we can be reached, `ip:port`. On each network only the addresses of that network are told. */
  direct(): readonly string[]
}

/** Somebody announced itself, perhaps falsely: a hint, and nothing but a hint. */
export interface LanFound {
  readonly token: string
  /** `ip:port`, on the very network on which it was heard; at least one. */
  readonly direct: readonly string[]
}

/**
 * Finds devices on the networks that this one is attached to. Knows names, not peers. Speaks on a network only if we can be
 * reached there: a device bound to loopback says and hears nothing.
 */
export interface Discovery {
  /** Announces, answers and listens from now on; once. Resolves when it listens. A network that fails is warned of. */
  start(self: LanSelf): Promise<void>
  /** Asks who is there, now. */
  query(): void
  /** Also for ourselves, and again whenever somebody announces itself again. Returns the function that ends it. */
  onFound(listener: (found: LanFound) => void): () => void
  /** Networks or addresses came or went; we listen on the new ones already. Returns the function that ends it. */
  onNetworkChange(listener: () => void): () => void
  /** Takes the announcement back. Afterwards no socket and no timer is left. Idempotent. */
  close(): Promise<void>
}
