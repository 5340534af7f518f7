/** Kinds of things in Obsidian's config folder that can be synced, each by itself (E8). */
export const CONFIG_CATEGORIES = ['settings', 'appearance', 'hotkeys', 'core-plugins', 'community-plugins'] as const
export type ConfigCategory = (typeof CONFIG_CATEGORIES)[number]

/** What a person can set, for plugin and headless peer alike. Stored in `data.json`; what is missing there has its default. */
export interface Settings {
  /** Paired devices at most (C11). */
  readonly maxPeers: number
  /** `default` (Iroh's public relays), `off`, or an own relay's URL. */
  readonly relay: string
  /** Whether paired devices are looked for on the local network. */
  readonly localNetwork: boolean
  /** Between two pings, ms (L6). */
  readonly heartbeatMs: number
  /** Messages that wait for one peer (L7). */
  readonly queueLimit: number
  /** How long a writer waits for room in a full queue, ms (L7). */
  readonly queueWaitMs: number
  /** What a full queue drops after that (L7). */
  readonly queueDrop: 'oldest' | 'newest'
  /** Quiet time after the last edit before it is committed, ms. */
  readonly debounceMs: number
  /** Of Obsidian's config folder, what is synced (E8). */
  readonly configCategories: readonly ConfigCategory[]
  /** Folders of the vault that this device leaves out: vault paths. */
  readonly excludedFolders: readonly string[]
}

export const DEFAULT_SETTINGS: Settings = {
  maxPeers: 16,
  relay: 'default',
  localNetwork: true,
  heartbeatMs: 5_000,
  queueLimit: 100,
  queueWaitMs: 1_000,
  queueDrop: 'oldest',
  debounceMs: 300,
  configCategories: [],
  excludedFolders: [],
}
