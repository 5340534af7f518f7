import { ButtonComponent, setIcon } from 'obsidian'
import type { ErrorSentence } from '../words/error-sentence.ts'
import { drawComparison } from './draw-comparison.ts'
import { spacedCode, type PairingStep } from './pairing-step.ts'

/** What the buttons of a pairing screen do. */
export interface StepActions {
  answer(yes: boolean): void
  close(): void
  retry(): void
}

/** Draws what both sides of a pairing share; gives the control that should have the focus. */
export function drawStep(el: HTMLElement, step: PairingStep, actions: StepActions): HTMLElement {
  switch (step.kind) {
    case 'code': {
      el.createEl('p', { text: `Does ${step.deviceName} show the same code?` })
      el.createDiv({ cls: 'tandem-code', text: spacedCode(step.code), attr: { 'aria-label': `Code ${step.code}` } })
      el.createEl('p', {
        cls: 'tandem-hint',
        text: 'The code proves that the two devices talk to each other and to nobody in between. No note is exchanged before both say yes.',
      })
      const yes = buttons(el, [
        ['No', () => actions.answer(false)],
        ['Yes, it is the same', () => actions.answer(true), 'cta'],
      ])
      return yes
    }
    case 'vaults': {
      drawComparison(el, step.comparison, step.deviceName)
      return buttons(el, [
        ['Cancel', () => actions.answer(false)],
        ['Start syncing', () => actions.answer(true), 'cta'],
      ])
    }
    case 'answered':
      drawWaiting(
        el,
        `Waiting for ${step.deviceName}…`,
        'Say yes there, too. Then the two vaults are compared, which may take a moment.',
      )
      return buttons(el, [['Cancel', () => actions.close()]])
    case 'done':
      drawMark(el, 'check', 'tandem-mark-good')
      el.createEl('p', { cls: 'tandem-center', text: `Paired with ${step.deviceName}.` })
      el.createEl('p', {
        cls: 'tandem-hint tandem-center',
        text: 'The vaults are being brought in step now. You can close this, and go on writing.',
      })
      return buttons(el, [['Done', () => actions.close(), 'cta']])
  }
}

export function drawFailure(
  el: HTMLElement,
  error: ErrorSentence,
  actions: StepActions,
  retry = 'Try again',
): HTMLElement {
  drawMark(el, 'alert-triangle', 'tandem-mark-bad')
  el.createEl('p', { cls: 'tandem-center', text: error.what, attr: { role: 'alert' } })
  el.createEl('p', { cls: 'tandem-hint tandem-center', text: error.next })
  return buttons(el, [
    ['Close', () => actions.close()],
    [retry, () => actions.retry(), 'cta'],
  ])
}

export function drawWaiting(el: HTMLElement, text: string, hint: string): void {
  const line = el.createDiv({ cls: 'tandem-waiting', attr: { role: 'status' } })
  line.createSpan({ cls: 'tandem-spinner' })
  line.createSpan({ text })
  el.createEl('p', { cls: 'tandem-hint tandem-center', text: hint })
}

function drawMark(el: HTMLElement, icon: string, cls: string): void {
  setIcon(el.createDiv({ cls: `tandem-mark ${cls}` }), icon)
}

type ButtonSpec = readonly [label: string, onClick: () => void, look?: 'cta']

/** A row of buttons, the main one last; gives that. */
export function buttons(el: HTMLElement, specs: readonly ButtonSpec[]): HTMLElement {
  const row = el.createDiv({ cls: 'modal-button-container' })
  let last: HTMLElement = row
  for (const [label, onClick, look] of specs) {
    const button = new ButtonComponent(row).setButtonText(label).onClick(onClick)
    if (look) button.setCta()
    last = button.buttonEl
  }
  return last
}
