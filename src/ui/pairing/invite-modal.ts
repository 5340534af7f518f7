import { Modal, type App } from 'obsidian'
import { VAULT_SHARE, type Grant } from '../../ports/share-record.ts'
import { encodePairingLink, INVITATION_MS } from '../../peers/pairing-link.ts'
import { screenClock } from '../clock.ts'
import { addCopyButton } from '../copy-button.ts'
import type { TandemFace } from '../face.ts'
import { errorSentence } from '../words/error-sentence.ts'
import { formatCountdown } from '../words/format.ts'
import { whyNoDevice } from './availability.ts'
import { buttons, drawFailure, drawStep, drawWaiting } from './draw-step.ts'
import { newInvite, updateInvite, type InviteEffect, type InviteEvent, type InviteState } from './invite-flow.ts'
import { whenDevice } from './when-device.ts'
import { isPairingStep } from './pairing-step.ts'
import { drawQr } from './qr-canvas.ts'
import { QuestionRelay } from './question-relay.ts'

const TITLES: Record<InviteState['kind'], string> = {
  opening: 'Add a device',
  waiting: 'Add a device',
  code: 'Compare the codes',
  vaults: 'Compare the vaults',
  answered: 'Almost there',
  done: 'Device added',
  failed: 'The device was not added',
}

const FOLDER_STEPS = [
  'They install Tandem in a vault of their own.',
  'Send them the link, or let them scan this code. They choose “Join device”, and where the folder goes.',
  'Compare a short code on both screens, for example over the telephone.',
]

const STEPS = [
  'Install Tandem in the vault on the other device.',
  'Scan this code with its camera, or choose “Join device” there and paste the link.',
  'Compare a short code on both screens.',
]

/** A link that gives a folder and nothing else. */
export interface FolderInvitation {
  readonly share: string
  readonly title: string
  readonly grant: Grant
}

/** Flow A: shows the code that another device uses to join. Closing it ends the invitation. */
export class InviteModal extends Modal {
  readonly #face: TandemFace
  /** Null: to the whole vault. */
  readonly #folder: FolderInvitation | null
  #state: InviteState
  readonly #relay: QuestionRelay
  readonly #ends: (() => void)[] = []
  #cancelInvitation: () => void = () => undefined
  readonly #closed = new AbortController()
  #countdown: HTMLElement | null = null

  constructor(app: App, face: TandemFace, folder: FolderInvitation | null = null) {
    super(app)
    this.#folder = folder
    this.#face = face
    this.#state = newInvite()[0]
    this.#relay = new QuestionRelay(
      (question) => this.#dispatch({ kind: 'question', question }),
      () => this.#dispatch({ kind: 'withdrawn' }),
    )
    this.modalEl.addClass('tandem-modal')
  }

  override onOpen(): void {
    this.#ends.push(this.#face.answerQuestions('inviter', this.#relay.ask))
    const timer = window.setInterval(() => this.#tick(), 1000)
    this.#ends.push(() => window.clearInterval(timer))
    const [state, effects] = newInvite()
    this.#enter(state, effects)
  }

  override onClose(): void {
    for (const end of this.#ends.splice(0)) end()
    this.#closed.abort()
    this.#relay.answer(false)
    this.#cancelInvitation()
    this.contentEl.empty()
  }

  #dispatch(event: InviteEvent): void {
    const [state, effects] = updateInvite(this.#state, event)
    this.#enter(state, effects)
  }

  #enter(state: InviteState, effects: readonly InviteEffect[]): void {
    const changed = state !== this.#state
    this.#state = state
    if (changed || effects.length > 0) this.#draw()
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: InviteEffect): void {
    switch (effect.kind) {
      case 'invite':
        return void this.#invite()
      case 'cancel':
        return this.#cancelInvitation()
      case 'answer':
        return this.#relay.answer(effect.yes)
    }
  }

  async #invite(): Promise<void> {
    const { signal } = this.#closed
    if (await whenDevice(this.#face, signal)) await this.#face.ready(signal).catch(() => undefined) // closed meanwhile
    const device = await whenDevice(this.#face, signal) // another one, perhaps
    if (signal.aborted) return
    if (!device) return this.#dispatch({ kind: 'failed', error: whyNoDevice(this.#face.condition) })
    try {
      const folder = this.#folder
      const invitation = folder
        ? device.peers.invite(folder.share, { grant: folder.grant, title: folder.title })
        : device.peers.invite(VAULT_SHARE)
      this.#cancelInvitation = () => invitation.cancel()
      invitation.paired.then(
        (record) => this.#dispatch({ kind: 'paired', deviceName: record.name }),
        (error: unknown) => this.#dispatch({ kind: 'failed', error: errorSentence(error) }),
      )
      const expiresAt = screenClock.now() + INVITATION_MS
      this.#dispatch({ kind: 'opened', link: encodePairingLink(invitation.offer), expiresAt })
    } catch (error) {
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
    this.#countdown = null
    this.setTitle(this.#title(state))
    if (isPairingStep(state)) return drawStep(el, state, actions).focus()
    switch (state.kind) {
      case 'opening':
        return drawWaiting(el, 'One moment…', 'A link for the other device is being made.')
      case 'waiting':
        return this.#drawLink(el, state)
      case 'failed':
        return drawFailure(el, state.error, actions, 'Make a new link').focus()
    }
  }

  #title({ kind }: InviteState): string {
    const isFolder = this.#folder && (kind === 'opening' || kind === 'waiting')
    return isFolder ? `Invite somebody to “${this.#folder?.title}”` : TITLES[kind]
  }

  #drawLink(el: HTMLElement, { invitation, note }: Extract<InviteState, { kind: 'waiting' }>): void {
    if (note) el.createEl('p', { cls: 'tandem-warning', text: note, attr: { role: 'status' } })
    const columns = el.createDiv({ cls: 'tandem-invite' })
    drawQr(columns, invitation.link)
    const steps = columns.createEl('ol', { cls: 'tandem-steps' })
    for (const text of this.#folder ? FOLDER_STEPS : STEPS) steps.createEl('li', { text })
    const link = el.createDiv({ cls: 'tandem-link' })
    link.createEl('input', {
      type: 'text',
      value: invitation.link,
      attr: { readonly: 'true', 'aria-label': 'Pairing link' },
    })
    const copy = addCopyButton(link, 'Copy link', () => invitation.link)
    const line = el.createDiv({ cls: 'tandem-waiting', attr: { role: 'status' } })
    line.createSpan({ cls: 'tandem-spinner' })
    line.createSpan({ text: 'Waiting for the other device…' })
    this.#countdown = line.createSpan({ cls: 'tandem-countdown' })
    this.#tick()
    buttons(el, [['Cancel', () => this.close()]])
    copy.buttonEl.focus()
  }

  #tick(): void {
    if (this.#state.kind !== 'waiting') return
    const left = this.#state.invitation.expiresAt - screenClock.now()
    this.#countdown?.setText(`The link works for ${formatCountdown(left)}`)
  }
}
