import type { SettingDefinition } from 'obsidian'
import type { Screens } from '../screens.ts'
import { waitingChange } from '../shares/all-shares.ts'
import { consentWords } from '../words/consent-sentence.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatCount } from '../words/format.ts'
import { showInstall } from './component-modal.ts'
import { issueCount, showIssues } from './issues-modal.ts'

interface Trouble {
  readonly name: string
  readonly desc: string
  readonly tone: 'tandem-warning' | 'tandem-error'
  readonly button?: { readonly label: string; readonly action: () => void }
}

/** What a person should know first; nothing when all is well. */
export function troubleDefinitions(screens: Screens, problem: string | null): SettingDefinition[] {
  return troubles(screens, problem).map(({ name, desc, tone, button }) => ({
    name,
    desc,
    searchable: false,
    render: (setting) => {
      setting.settingEl.addClass('tandem-trouble')
      setting.nameEl.addClass(tone)
      if (button) setting.addButton((made) => made.setButtonText(button.label).setCta().onClick(button.action))
    },
  }))
}

function troubles(screens: Screens, problem: string | null): Trouble[] {
  const { face } = screens
  const found: Trouble[] = []
  const { condition, share } = face
  const vaultError = share?.lastError
  if (problem) found.push({ name: 'That did not work', desc: problem, tone: 'tandem-error' })
  if (condition.kind === 'failed')
    found.push({ name: 'Sync could not start', desc: condition.message, tone: 'tandem-error' })
  if (condition.kind === 'offline') {
    const installs = condition.reason === 'no-component' && face.component.offer !== null
    const button = { label: 'Install…', action: () => showInstall(screens) }
    found.push({
      name: 'This device is offline for Tandem',
      desc: condition.message,
      tone: 'tandem-warning',
      ...(installs ? { button } : {}),
    })
  }
  const waiting = waitingChange(face)
  if (waiting) {
    const { title, what } = consentWords(waiting.consent, waiting.folder)
    const button = { label: 'Look at it…', action: () => screens.askConsent() }
    found.push({ name: title, desc: what, tone: 'tandem-warning', button })
  }
  if (vaultError) {
    const { what, next } = errorSentence(vaultError)
    found.push({ name: what, desc: next, tone: 'tandem-error' })
  }
  const issues = share ? issueCount(share.tree.issues) : 0
  if (share && issues > 0) {
    const button = { label: 'Show…', action: () => showIssues(screens, share.tree.issues) }
    found.push({
      name: `${formatCount(issues, 'file is', 'files are')} left out`,
      desc: 'They cannot be synced as they are. Everything else is.',
      tone: 'tandem-warning',
      button,
    })
  }
  return found
}
