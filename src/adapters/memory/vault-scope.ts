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
  /** Of the config folder, only these parts. Default: all of it, as `configFolder` and `syncWorkspace` say. */
  readonly configParts?: readonly ConfigPart[]
  /** Folders of the vault that are left out with all that is in them: vault paths. Default none. */
  readonly excludedFolders?: readonly string[]
  /** Whether files and folders whose name begins with a dot are synced outside the config folder. Default true. */
  readonly hiddenFiles?: boolean
}

/** A part of the config folder that can be synced by itself (E8). */
export type ConfigPart = 'settings' | 'appearance' | 'hotkeys' | 'core-plugins' | 'community-plugins'

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

/** What belongs to a part: whole folders, and files right in the config folder. */
const PARTS: Readonly<Record<ConfigPart, { readonly folders: readonly string[]; readonly files: readonly string[] }>> =
  {
    settings: { folders: [], files: ['app.json', 'types.json'] },
    appearance: { folders: ['themes', 'snippets'], files: ['appearance.json'] },
    hotkeys: { folders: [], files: ['hotkeys.json'] },
    'core-plugins': { folders: [], files: ['core-plugins.json', 'core-plugins-migration.json'] },
    'community-plugins': { folders: ['plugins'], files: ['community-plugins.json'] },
  }
const NAMED_FILES = Object.values(PARTS).flatMap(({ files }) => files)
/** State of Obsidian Sync on one device. */
const NO_CORE_PLUGIN = ['sync.json']

const isAtOrBelow = (path: string, folder: string): boolean =>
  path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/')

/** `rest`: below the config folder, lower case; '' is the folder itself. */
function isInParts(rest: string, parts: readonly ConfigPart[]): boolean {
  if (rest === '') return parts.length > 0
  if (parts.some((part) => PARTS[part].folders.some((folder) => isAtOrBelow(rest, folder)))) return true
  if (parts.some((part) => PARTS[part].files.includes(rest))) return true
  // Each core plugin keeps its settings in a file of its own name, and new ones come with new versions of Obsidian.
  const isPluginSettings = /^[^/]+\.json$/.test(rest) && !NAMED_FILES.includes(rest) && !NO_CORE_PLUGIN.includes(rest)
  return parts.includes('core-plugins') && isPluginSettings
}

const isHidden = (path: string): boolean => path.startsWith('.') || path.includes('/.')

export function createScope(options: ScopeOptions = {}): Scope {
  const {
    configFolder = true,
    configDir = '.obsidian',
    syncWorkspace = true,
    configParts,
    hiddenFiles = true,
  } = options
  const config = configDir.normalize('NFC').toLowerCase()
  const excluded = (options.excludedFolders ?? []).map((path) => path.normalize('NFC'))
  const withWorkspace = syncWorkspace && configParts === undefined
  return (path) => {
    if (NEVER.test(path) || LITTER.test(path)) return false
    if (excluded.some((folder) => isAtOrBelow(path, folder))) return false
    const folded = path.toLowerCase()
    if (!isAtOrBelow(folded, config)) return hiddenFiles || !isHidden(path)
    if (!configFolder) return false
    const rest = folded.slice(config.length + 1)
    if (isAtOrBelow(rest, OWN_PLUGIN) || (!withWorkspace && WORKSPACE.test(rest))) return false
    return configParts === undefined || isInParts(rest, configParts)
  }
}

/** The name of a file that is being written, beside the place that it will take. `token`: 16 hex digits. */
export const temporaryName = (token: string): string => `.tandem-${token}.tmp`

/** Only names that we made ourselves: what a killed process left may be removed, a file that a person named alike may not. */
export const isTemporaryName = (name: string): boolean => /^\.tandem-[0-9a-f]{16}\.tmp$/.test(name)
