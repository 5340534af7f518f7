import { Modal, type App } from 'obsidian'
import type { PairingOffer } from '../../peers/pairing-link.ts'
import type { TandemFace } from '../face.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { whyNoDevice } from './availability.ts'
import { buttons, drawFailure, drawStep, drawWaiting } from './draw-step.ts'
import { addPlaceField } from '../shares/place-field.ts'
import { folderReports } from '../shares/vault-places.ts'
import { givesFolder, newJoin, updateJoin, type JoinEffect, type JoinEvent, type JoinState } from './join-flow.ts'
import { whenDevice } from './when-device.ts'
import { isPairingStep } from './pairing-step.ts'
import { readPhotoCode } from './photo-code.ts'
import { QuestionRelay } from './question-relay.ts'

const TITLES: Record<JoinState['kind'], string> = {
  link: 'Join a device',
  confirm: 'Sync this vault?',
  place: 'Where does the folder go?',
  connecting: 'Join a device',
  code: 'Compare the codes',
  vaults: 'Compare the vaults',
  answered: 'Almost there',
  done: 'Device joined',
  failed: 'The device was not joined',
}

const FIRST = 'Choose “Add device” on the device that has your notes. Then use its code here.'

/** Flow B: follows a link that another device shows. Closing it ends the attempt. */
export class JoinModal extends Modal {
  readonly #face: TandemFace
  #state: JoinState
  readonly #relay: QuestionRelay
  readonly #ends: (() => void)[] = []
  #attempt: AbortController | null = null
  /** What typing changes, without drawing the field anew. */
  #field: { problem: HTMLElement; submit: HTMLButtonElement; input: HTMLInputElement } | null = null

  constructor(app: App, face: TandemFace, link?: string) {
    super(app)
    this.#face = face
    this.#state = newJoin(link)[0]
    this.#relay = new QuestionRelay(
      (question) => this.#dispatch({ kind: 'question', question }),
      () => this.#dispatch({ kind: 'withdrawn' }),
    )
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    this.#ends.push(this.#face.answerQuestions('joiner', this.#relay.ask))
    this.#draw()
  }

  override onClose(): void {
    for (const end of this.#ends.splice(0)) end()
    this.#relay.answer(false)
    this.#attempt?.abort()
    this.contentEl.empty()
  }

  #dispatch(event: JoinEvent): void {
    const before = this.#state
    const [state, effects] = updateJoin(before, event)
    this.#state = state
    if (state.kind === 'link' && before.kind === 'link' && this.#field) this.#refreshField(state)
    else if (state !== before) this.#draw()
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: JoinEffect): void {
    switch (effect.kind) {
      case 'join':
        return void this.#join(effect.offer, effect.folder)
      case 'cancel':
        return this.#attempt?.abort()
      case 'answer':
        return this.#relay.answer(effect.yes)
    }
  }

  async #join(offer: PairingOffer, folder: string | undefined): Promise<void> {
    const attempt = (this.#attempt = new AbortController())
    const device = await whenDevice(this.#face, attempt.signal)
    if (attempt.signal.aborted) return
    if (!device) return this.#dispatch({ kind: 'failed', error: whyNoDevice(this.#face.condition) })
    try {
      const record = givesFolder(offer)
        ? await device.folders.join(offer, attempt.signal, folder)
        : await device.peers.join(offer, attempt.signal)
      if (this.#attempt === attempt) this.#dispatch({ kind: 'paired', deviceName: record.name })
    } catch (error) {
      if (this.#attempt === attempt && !attempt.signal.aborted)
        this.#dispatch({ kind: 'failed', error: errorSentence(error) })
    }
  }

  #draw(): void {
    const el = this.contentEl
    const state = this.#state
    const actions = {
      answer: (yes: boolean) => this.#dispatch({ kind: 'answer', yes }),
      close: () => this.close(),
      retry: () => this.#dispatch({ kind: 'retry' }),
    }
    el.empty()
    this.#field = null
    this.setTitle(TITLES[state.kind])
    if (isPairingStep(state)) return drawStep(el, state, actions).focus()
    switch (state.kind) {
      case 'link':
        return this.#drawField(el, state)
      case 'confirm':
        return this.#drawConfirmation(el, state.offer)
      case 'place':
        return this.#drawPlace(el, state.offer)
      case 'connecting':
        drawWaiting(el, `Connecting to ${nameOf(state.offer)}…`, 'Keep the code open on the other device.')
        return buttons(el, [['Cancel', () => this.close()]]).focus()
      case 'failed':
        return drawFailure(el, state.error, actions).focus()
    }
  }

  #drawField(el: HTMLElement, state: Extract<JoinState, { kind: 'link' }>): void {
    el.createEl('p', { text: FIRST })
    const form = el.createEl('form')
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      this.#submit()
    })
    const input = form.createEl('input', {
      type: 'text',
      cls: 'tandem-wide',
      placeholder: 'obsidian://tandem-sync?…',
      attr: { 'aria-label': 'Pairing link', autocomplete: 'off', spellcheck: 'false' },
    })
    input.value = state.text
    input.addEventListener('input', () => this.#dispatch({ kind: 'typed', text: input.value }))
    const problem = form.createDiv({ cls: 'tandem-problem', attr: { role: 'status' } })
    this.#drawPhotoButton(form)
    const row = form.createDiv({ cls: 'modal-button-container' })
    row.createEl('button', { text: 'Cancel', attr: { type: 'button' } }).addEventListener('click', () => this.close())
    const submit = row.createEl('button', { cls: 'mod-cta', text: 'Connect', attr: { type: 'submit' } })
    this.#field = { problem, submit, input }
    this.#refreshField(state)
    input.focus()
  }

  /** A file field dressed as a button: on a phone it opens the camera. */
  #drawPhotoButton(form: HTMLElement): void {
    const label = form.createEl('label', { cls: 'tandem-photo' })
    const file = label.createEl('input', {
      type: 'file',
      attr: { accept: 'image/*', capture: 'environment', 'aria-label': 'Photo of the code' },
    })
    label.createSpan({ text: 'Use a photo of the code…' })
    file.addEventListener('change', () => void this.#readPhoto(file))
  }

  async #readPhoto(field: HTMLInputElement): Promise<void> {
    const photo = field.files?.[0]
    field.value = '' // the same photo may be chosen again
    if (photo) this.#dispatch({ kind: 'photo', text: await readPhotoCode(photo) })
  }

  #refreshField({ text, problem, offer }: Extract<JoinState, { kind: 'link' }>): void {
    if (!this.#field) return
    const { problem: line, submit, input } = this.#field
    if (input.value !== text) input.value = text
    const gives = offer && givesFolder(offer) ? ` It gives the folder “${offer.title ?? ''}”.` : ''
    line.setText(problem ?? (offer ? `This link is from ${nameOf(offer)}.${gives}` : ''))
    line.toggleClass('tandem-error', problem !== null)
    submit.disabled = offer === null
  }

  #drawPlace(el: HTMLElement, offer: PairingOffer): void {
    const { title = 'Shared folder' } = offer
    el.createEl('p', {
      text: `${nameOf(offer)} shares the folder “${title}” with you. You get this folder and nothing else, and nothing else of this vault is shown to others.`,
    })
    const form = el.createEl('form')
    const refresh = (): void => void (submit.disabled = field.place() === null)
    const field = addPlaceField(form, { app: this.app, face: this.#face, title, onChange: refresh })
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const folder = field.place()
      if (folder !== null) this.#dispatch({ kind: 'placed', folder })
    })
    const row = form.createDiv({ cls: 'modal-button-container' })
    row.createEl('button', { text: 'Cancel', attr: { type: 'button' } }).addEventListener('click', () => this.close())
    const submit = row.createEl('button', { cls: 'mod-cta', text: 'Connect', attr: { type: 'submit' } })
    refresh()
    field.input.focus()
    field.input.select()
  }

  #submit(): void {
    const { offer } = 'offer' in this.#state ? this.#state : { offer: null }
    const isHere = folderReports(this.#face).some(({ id }) => id === offer?.share)
    this.#dispatch({ kind: 'submit', isHere })
  }

  #drawConfirmation(el: HTMLElement, offer: PairingOffer): void {
    const what = givesFolder(offer) ? `share the folder “${offer.title ?? ''}” with this vault` : 'sync with this vault'
    el.createEl('p', { text: `${nameOf(offer)} offers to ${what}:` })
    el.createDiv({ cls: 'tandem-code', text: this.#face.vaultName })
    el.createEl('p', {
      cls: 'tandem-hint',
      text: 'Is this the right vault? If not, cancel, open the right one, and use the link again there.',
    })
    buttons(el, [
      ['Cancel', () => this.close()],
      ['Connect', () => this.#submit(), 'cta'],
    ]).focus()
  }
}

function nameOf({ name }: PairingOffer): string {
  return name === '' ? 'the other device' : name
}
