/**
 * What a device leaves out of its vault. Own temporary files, `.git`, Obsidian's local trash, the plugin's own folder
 * and the operating systems' litter are always out (E8); the config folder and the window layout are choices.
 */
export interface ScopeOptions {
  /** Whether Obsidian's config folder is synced. Default true: a headless peer keeps what the other devices chose to send. */
  readonly configFolder?: boolean
  /** Obsidian's config folder, relative to the vault. Default `.obsidian`. */
  readonly configDir?: string
  /** Whether `workspace*.json` right in the config folder is synced. Default true, for the same reason as `configFolder`. */
  readonly syncWorkspace?: boolean
}

/** Tells of a path, NFC and `/`-separated, whether it is synced. A folder that is out takes everything below it along. */
export type Scope = (path: string) => boolean

/** Obsidian's local trash, at the root of the vault. */
export const TRASH_FOLDER = '.trash'

/** The plugin's own folder, below the config folder: it holds this device's identity and peers (P6, E8). */
const OWN_PLUGIN = 'plugins/tandem-sync'

// Both in any case: on a disk that folds case they would be the same place.
const NEVER = /(?:^\.trash|(?:^|\/)(?:\.git|\.tandem[^/]*\.tmp))(?:\/|$)/i
const LITTER = /(?:^|\/)(?:\.DS_Store|Thumbs\.db|desktop\.ini)(?:\/|$)/
const WORKSPACE = /^workspace[^/]*\.json$/

const isAtOrBelow = (path: string, folder: string): boolean =>
  path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/')

export function createScope(options: ScopeOptions = {}): Scope {
  const { configFolder = true, configDir = '.obsidian', syncWorkspace = true } = options
  const config = configDir.normalize('NFC').toLowerCase()
  return (path) => {
    if (NEVER.test(path) || LITTER.test(path)) return false
    const folded = path.toLowerCase()
    if (!isAtOrBelow(folded, config)) return true
    if (!configFolder) return false
    const rest = folded.slice(config.length + 1)
    return !isAtOrBelow(rest, OWN_PLUGIN) && (syncWorkspace || !WORKSPACE.test(rest))
  }
}

/** The name of a file that is being written, beside the place that it will take. `token`: 16 hex digits. */
export const temporaryName = (token: string): string => `.tandem-${token}.tmp`

/** Only names that we made ourselves: what a killed process left may be removed, a file that a person named alike may not. */
export const isTemporaryName = (name: string): boolean => /^\.tandem-[0-9a-f]{16}\.tmp$/.test(name)
