import type { App } from 'obsidian'

/** Key in Obsidian's local storage, which is per vault and device. */
const KEY = 'tandem-sync-vault-instance'

/**
 * A name for this vault on this device, of letters, digits and dashes. It stays when the vault's folder is renamed, and no other vault
 * has it: Obsidian's own id of the vault (undocumented), else one of ours.
 */
export function vaultInstance(app: Pick<App, 'loadLocalStorage' | 'saveLocalStorage'>): string {
  const stored: unknown = app.loadLocalStorage(KEY)
  if (typeof stored === 'string' && isName(stored)) return stored
  const { appId } = app as { readonly appId?: unknown }
  if (typeof appId === 'string' && isName(appId)) return appId
  const made = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
  app.saveLocalStorage(KEY, made)
  return made
}

const isName = (text: string): boolean => /^[A-Za-z0-9-]{8,64}$/.test(text)

/** The database of one share (V1); `share` is its name on the wire. */
export const shareDatabaseName = (instance: string, share: string): string => `tandem-sync-${instance}-${share}`

/** Names of what a vault has in the browser's storage, which all vaults share. */
export const vaultNames = (instance: string) => ({
  /** The database of objects, refs and index of the whole vault. */
  share: shareDatabaseName(instance, 'vault'),
  /** The database of the activity log. */
  activity: `tandem-sync-${instance}-activity`,
  /** The lock of the one window that syncs. */
  lock: `tandem-sync-${instance}`,
})
