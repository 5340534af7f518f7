import { FuzzySuggestModal, type SettingDefinitionItem, type TFolder } from 'obsidian'
import { CONFIG_CATEGORIES } from '../../engine/settings.ts'
import type { Screens } from '../screens.ts'
import { formatCount } from '../words/format.ts'
import { CATEGORY_NAMES, folderProblem } from './setting-values.ts'

/** What is synced beside the notes, and which folders are not. */
export function scopeDefinitions(screens: Screens): SettingDefinitionItem[] {
  const { excludedFolders } = screens.face.settings
  return [
    {
      type: 'group',
      heading: 'What to sync',
      items: [
        {
          name: 'Notes and attachments',
          desc: 'Everything in the vault is synced, except for the folders that you leave out.',
        },
        {
          type: 'page',
          name: 'Folders left out on this device',
          desc: 'Their files stay where they are, here and on the other devices.',
          displayValue: excludedFolders.length === 0 ? 'None' : formatCount(excludedFolders.length, 'folder'),
          items: [excludedList(screens)],
        },
        ...CONFIG_CATEGORIES.map((category) => ({
          ...CATEGORY_NAMES[category],
          aliases: ['obsidian configuration'],
          control: { type: 'toggle' as const, key: `config:${category}` },
        })),
      ],
    },
  ]
}

function excludedList(screens: Screens): SettingDefinitionItem {
  const { face } = screens
  const save = (excludedFolders: readonly string[]): void => void face.changeSettings({ excludedFolders })
  return {
    type: 'list',
    heading: 'Folders left out',
    emptyState: 'No folder is left out.',
    addItem: { name: 'Leave out a folder', action: () => new FolderChooser(screens, save).open() },
    items: face.settings.excludedFolders.map((name) => ({ name })),
    onDelete: (index) => save(face.settings.excludedFolders.filter((_, i) => i !== index)),
  }
}

class FolderChooser extends FuzzySuggestModal<TFolder> {
  readonly #screens: Screens
  readonly #save: (folders: readonly string[]) => void

  constructor(screens: Screens, save: (folders: readonly string[]) => void) {
    super(screens.app)
    this.#screens = screens
    this.#save = save
    this.setPlaceholder('Folder to leave out')
  }

  override getItems(): TFolder[] {
    const { excludedFolders } = this.#screens.face.settings
    return this.app.vault.getAllFolders().filter(({ path }) => !folderProblem(path, excludedFolders))
  }

  override getItemText({ path }: TFolder): string {
    return path
  }

  override onChooseItem({ path }: TFolder): void {
    this.#save([...this.#screens.face.settings.excludedFolders, path].sort())
  }
}
