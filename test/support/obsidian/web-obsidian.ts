/**
 * The module `obsidian` for a real browser: what can be seen is ours and looks like Obsidian, the rest (vault, files, secret
 * storage) is of obsidian-test-mocks. Bundles take it in place of `obsidian`; a built main.js is handed it by `require`.
 */
import { setup } from 'obsidian-test-mocks/setup'

setup()

export * from 'obsidian-test-mocks/obsidian'
export {
  BaseComponent,
  ButtonComponent,
  DisplayValueComponent,
  DropdownComponent,
  ExtraButtonComponent,
  SearchComponent,
  TextAreaComponent,
  TextComponent,
  ToggleComponent,
} from './web-controls.ts'
export { setIcon, setTooltip } from './web-icons.ts'
export { Menu, Notice } from './web-menu.ts'
export { ConfirmationButton, ConfirmationModal, FuzzySuggestModal, Modal } from './web-modal.ts'
export { Component, WebPlugin as Plugin } from './web-plugin.ts'
export { PluginSettingTab, PluginSettingTab as SettingTab, SettingPage } from './web-setting-tab.ts'
export { Setting, SettingGroup } from './web-setting.ts'
export { ItemView, WorkspaceLeaf } from './web-workspace.ts'
