import { Modal, type App } from 'obsidian'
import type { WorkingTreeIssues } from '../../engine/working-tree.ts'
import type { Screens } from '../screens.ts'
import { formatCount } from '../words/format.ts'

/** Files of a list that are shown; the number tells the rest. */
const MAX_SHOWN = 200

const HEADINGS: Record<keyof WorkingTreeIssues, string> = {
  notHere: 'Not on this device, because its file system has no such names',
  unreadable: 'Could not be read',
  failed: 'Could not be written',
  skipped: 'Left out: links and names that no vault can hold',
}

export function issueCount({ unreadable, skipped, notHere, failed }: WorkingTreeIssues): number {
  return unreadable.length + skipped.length + notHere.length + failed.length
}

class IssuesModal extends Modal {
  readonly #issues: WorkingTreeIssues

  constructor(app: App, issues: WorkingTreeIssues) {
    super(app)
    this.#issues = issues
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    this.setTitle('Files that are left out')
    for (const kind of ['unreadable', 'failed', 'notHere', 'skipped'] as const) {
      const list = this.#issues[kind]
      if (list.length === 0) continue
      this.contentEl.createEl('h4', { text: HEADINGS[kind] })
      const el = this.contentEl.createEl('ul', { cls: 'tandem-paths', attr: { tabindex: '0' } })
      for (const { path, reason } of list.slice(0, MAX_SHOWN)) {
        const item = el.createEl('li', { text: path === '' ? 'The vault’s folder' : path })
        item.createDiv({ cls: 'tandem-hint', text: reason })
      }
      if (list.length > MAX_SHOWN)
        el.createEl('li', { cls: 'tandem-hint', text: `and ${formatCount(list.length - MAX_SHOWN, 'more file')}` })
    }
  }

  override onClose(): void {
    this.contentEl.empty()
  }
}

export function showIssues({ app }: Screens, issues: WorkingTreeIssues): void {
  new IssuesModal(app, issues).open()
}
