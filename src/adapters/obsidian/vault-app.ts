import type { DataAdapter, FileManager, Vault, Workspace } from 'obsidian'

/** What we use of Obsidian's access to the disk. Paths are vault paths; `/` is the root. */
export type VaultDisk = Pick<
  DataAdapter,
  | 'appendBinary'
  | 'exists'
  | 'list'
  | 'mkdir'
  | 'process'
  | 'readBinary'
  | 'remove'
  | 'rename'
  | 'rmdir'
  | 'stat'
  | 'trashLocal'
  | 'writeBinary'
>

/** What we use of Obsidian to keep a vault's files; `App` is one. */
export interface VaultApp {
  readonly vault: Pick<
    Vault,
    | 'configDir'
    | 'create'
    | 'createBinary'
    | 'createFolder'
    | 'getFileByPath'
    | 'getFiles'
    | 'getFolderByPath'
    | 'modifyBinary'
    | 'offref'
    | 'on'
    | 'process'
  > & { readonly adapter: VaultDisk }
  readonly fileManager: Pick<FileManager, 'trashFile'>
  readonly workspace: Pick<Workspace, 'iterateAllLeaves' | 'layoutReady' | 'onLayoutReady'>
}
