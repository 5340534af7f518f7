import { TFolder, type App } from 'obsidian'
import type { ShareReport } from '../../engine/folder-shares.ts'
import { VAULT_SHARE } from '../../ports/share-record.ts'
import type { TandemFace } from '../face.ts'
import { shareProblem, type VaultPlaces } from './share-place.ts'

/** The folder shares of this device; none while it is starting. */
export function folderReports({ device }: TandemFace): readonly ShareReport[] {
  return device?.folders.report().filter(({ id }) => id !== VAULT_SHARE) ?? []
}

export function vaultPlaces({ vault }: App, face: TandemFace): VaultPlaces {
  return {
    isTaken: (path) => {
      const there = vault.getAbstractFileByPath(path)
      return there instanceof TFolder ? there.children.length > 0 : there !== null
    },
    shared: folderReports(face).map(({ folder }) => folder),
  }
}

/** The folders that this device can share: also those that it shares already. */
export function shareableFolders({ vault }: App, face: TandemFace): TFolder[] {
  const reports = folderReports(face)
  const own = new Set(reports.filter(({ from }) => from === null).map(({ folder }) => folder))
  const shared = reports.map(({ folder }) => folder)
  const { excludedFolders } = face.settings
  const isLeftOut = (path: string): boolean =>
    excludedFolders.some((folder) => path === folder || path.startsWith(`${folder}/`))
  return vault
    .getAllFolders()
    .filter(({ path }) => own.has(path) || (!isLeftOut(path) && shareProblem(path, shared) === null))
}

/** Files in a folder, as Obsidian shows them. */
export function filesIn({ vault }: App, folder: string): number {
  return vault.getFiles().filter(({ path }) => path.startsWith(`${folder}/`)).length
}
