import { FuzzySuggestModal, type TFolder } from 'obsidian'
import type { Screens } from '../screens.ts'
import { shareableFolders } from './vault-places.ts'

/** Asks which folder of the vault is to be shared. */
export class FolderToShare extends FuzzySuggestModal<TFolder> {
  readonly #screens: Screens

  constructor(screens: Screens) {
    super(screens.app)
    this.#screens = screens
    this.setPlaceholder('Folder to share')
  }

  override getItems(): TFolder[] {
    return shareableFolders(this.app, this.#screens.face)
  }

  override getItemText({ path }: TFolder): string {
    return path
  }

  override onChooseItem({ path }: TFolder): void {
    this.#screens.shareFolder(path)
  }
}
