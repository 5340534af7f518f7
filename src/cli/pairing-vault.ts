import type { Share } from '../engine/share.ts'
import type { VaultListing } from '../history/compare-vaults.ts'
import type { ShareName } from '../protocol/messages.ts'

/** The shares of an engine that pairs and does not sync: each opened when somebody first wants to know what it holds (E9). */
export class PairingVaults {
  readonly #vaults = new Map<ShareName, PairingVault>()

  constructor(private readonly open: (share: ShareName) => Promise<Share>) {}

  /** @throws what keeps the share from being looked at. */
  listing(share: ShareName): Promise<VaultListing> {
    return this.#of(share).listing()
  }

  lookAhead(share: ShareName): void {
    this.#of(share).lookAhead()
  }

  async close(): Promise<void> {
    for (const vault of this.#vaults.values()) await vault.close()
  }

  #of(share: ShareName): PairingVault {
    let vault = this.#vaults.get(share)
    if (!vault) this.#vaults.set(share, (vault = new PairingVault(() => this.open(share))))
    return vault
  }
}

/**
 * The vault of an engine that pairs and does not sync: opened when somebody first wants to know what it holds (E9). What changed
 * in it is committed, and nothing of a peer is applied.
 */
class PairingVault {
  #share: Promise<Share> | null = null

  constructor(private readonly open: () => Promise<Share>) {}

  /** The files as they are now. @throws what keeps the vault from being looked at. */
  async listing(): Promise<VaultListing> {
    this.#share ??= this.open()
    try {
      return await (await this.#share).listing()
    } catch (error) {
      const share = await this.#share?.catch(() => null)
      if (!share) this.#share = null // it could not be opened; perhaps next time
      throw error
    }
  }

  /** The first look at a vault takes a while: it can as well be taken while the other device is waited for. */
  lookAhead(): void {
    this.listing().catch(() => undefined) // told when the listing is needed
  }

  async close(): Promise<void> {
    const share = await this.#share?.catch(() => null)
    await share?.stop()
  }
}
