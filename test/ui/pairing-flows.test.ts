import { describe, expect, it } from 'vitest'
import type { PairingQuestion } from '../../src/engine/pairing-session.ts'
import { encodePairingLink } from '../../src/peers/pairing-link.ts'
import { newInvite, updateInvite, type InviteEvent, type InviteState } from '../../src/ui/pairing/invite-flow.ts'
import { newJoin, updateJoin, type JoinEvent, type JoinState } from '../../src/ui/pairing/join-flow.ts'
import { linkFromParams } from '../../src/ui/pairing/link-params.ts'
import { spacedCode } from '../../src/ui/pairing/pairing-step.ts'
import { QuestionRelay } from '../../src/ui/pairing/question-relay.ts'
import { anId, COMPARISON, NOW, OFFER } from '../support/obsidian/gallery-data.ts'

const LINK = encodePairingLink(OFFER)
const ERROR = { what: 'It failed.', next: 'Try again.' }
const OPENED: InviteEvent = { kind: 'opened', link: LINK, expiresAt: NOW }

function aQuestion(kind: 'code' | 'vaults'): PairingQuestion {
  const whose = { role: 'inviter' as const, id: anId(2), deviceName: 'Studio' }
  return kind === 'code' ? { ...whose, kind, code: '123456' } : { ...whose, kind, comparison: COMPARISON }
}
const asks = (kind: 'code' | 'vaults') => ({ kind: 'question' as const, question: aQuestion(kind) })
const YES = { kind: 'answer', yes: true } as const
const NO = { kind: 'answer', yes: false } as const
const PAIRED = { kind: 'paired', deviceName: 'Studio' } as const

function invite(...events: InviteEvent[]): { state: InviteState; effects: string[] } {
  let [state, first] = newInvite()
  const effects = first.map(({ kind }) => kind as string)
  for (const event of events) {
    const [next, caused] = updateInvite(state, event)
    state = next
    effects.push(...caused.map((effect) => (effect.kind === 'answer' ? `answer ${effect.yes}` : effect.kind)))
  }
  return { state, effects }
}

function join(start: string | undefined, ...events: JoinEvent[]): { state: JoinState; effects: string[] } {
  let [state] = newJoin(start)
  const effects: string[] = []
  for (const event of events) {
    const [next, caused] = updateJoin(state, event)
    state = next
    effects.push(...caused.map((effect) => (effect.kind === 'answer' ? `answer ${effect.yes}` : effect.kind)))
  }
  return { state, effects }
}

describe('adding a device', () => {
  it('[P1] makes a link, and shows it until somebody uses it', () => {
    expect(invite()).toMatchObject({ state: { kind: 'opening' }, effects: ['invite'] })
    expect(invite(OPENED).state).toMatchObject({ kind: 'waiting', invitation: { link: LINK, expiresAt: NOW } })
  })

  it('[P3] [E9] asks for the code, then for the vaults, then is done', () => {
    expect(invite(OPENED, asks('code')).state).toMatchObject({ kind: 'code', code: '123456', deviceName: 'Studio' })
    expect(invite(OPENED, asks('code'), YES)).toMatchObject({
      state: { kind: 'answered' },
      effects: ['invite', 'answer true'],
    })
    const asked = invite(OPENED, asks('code'), YES, asks('vaults'))
    expect(asked.state).toMatchObject({ kind: 'vaults', comparison: COMPARISON })
    const { state, effects } = invite(OPENED, asks('code'), YES, asks('vaults'), YES, PAIRED)
    expect(state).toMatchObject({ kind: 'done', deviceName: 'Studio' })
    expect(effects).toEqual(['invite', 'answer true', 'answer true'])
  })

  it('[E9] still asks for the vaults when the devices are paired already', () => {
    const asked = invite(OPENED, asks('code'), YES, PAIRED, asks('vaults'))
    expect(asked.state).toMatchObject({ kind: 'vaults' })
    expect(invite(OPENED, asks('code'), YES, PAIRED, asks('vaults'), YES).state).toMatchObject({ kind: 'done' })
    // And the other way round: the pairing ends while the question stands.
    expect(invite(OPENED, asks('vaults'), PAIRED).state).toMatchObject({ kind: 'vaults', paired: true })
  })

  it('[P3] a no ends it, and the link with it', () => {
    const { state, effects } = invite(OPENED, asks('code'), NO)
    expect(state.kind).toBe('failed')
    expect(effects).toEqual(['invite', 'answer false', 'cancel'])
    // What comes of the cancelling changes nothing.
    expect(invite(OPENED, asks('code'), NO, { kind: 'failed', error: ERROR }).state).toEqual(state)
  })

  it('waits again when the other device goes away, also after our yes', () => {
    for (const events of [[asks('code')], [asks('code'), YES]]) {
      const { state } = invite(OPENED, ...events, { kind: 'withdrawn' })
      expect(state).toMatchObject({ kind: 'waiting', note: expect.stringContaining('Studio') as string })
    }
  })

  it('is not shaken by a late withdrawal', () => {
    expect(invite(OPENED, asks('code'), YES, PAIRED, { kind: 'withdrawn' }).state.kind).toBe('done')
  })

  it('shows a failure, and makes a new link on request', () => {
    const failed = [OPENED, { kind: 'failed', error: ERROR }] as const
    expect(invite(...failed).state).toMatchObject({ kind: 'failed', error: ERROR })
    expect(invite(...failed, { kind: 'retry' })).toMatchObject({
      state: { kind: 'opening' },
      effects: ['invite', 'invite'],
    })
  })

  it('[P3] answers no when nobody is there to ask any more', () => {
    expect(invite(OPENED, { kind: 'failed', error: ERROR }, asks('code')).effects).toContain('answer false')
  })

  it('takes no answer to a question that was not asked', () => {
    expect(invite(OPENED, YES).effects).toEqual(['invite'])
  })
})

describe('joining a device', () => {
  const typed = (text: string): JoinEvent => ({ kind: 'typed', text })

  it('says what is wrong with a link while it is typed, and nothing while it may become one', () => {
    expect(join(undefined, typed('obsidian://tan')).state).toMatchObject({ kind: 'link', problem: null, offer: null })
    expect(join(undefined, typed('hello')).state).toMatchObject({ problem: expect.stringMatching(/begin/) as string })
    const cut = join(undefined, typed(LINK.slice(0, -20)), typed(LINK.replace(/secret=[^&]*/, 'secret=1'))).state
    expect(cut).toMatchObject({ problem: expect.stringMatching(/secret/) as string, offer: null })
    expect(join(undefined, typed(` ${LINK}\n`)).state).toMatchObject({ problem: null, offer: { name: 'Writing desk' } })
  })

  it('goes nowhere without a good link', () => {
    expect(join(undefined, typed('hello'), { kind: 'submit' })).toMatchObject({ state: { kind: 'link' }, effects: [] })
  })

  it('[P3] [E9] connects, asks twice, and is done', () => {
    const events: JoinEvent[] = [typed(LINK), { kind: 'submit' }, asks('code'), YES, asks('vaults'), YES, PAIRED]
    expect(join(undefined, ...events)).toMatchObject({
      state: { kind: 'done', deviceName: 'Studio' },
      effects: ['join', 'answer true', 'answer true'],
    })
  })

  it('[P1] a link from outside is not followed before a person confirms the vault', () => {
    const { state, effects } = join(LINK)
    expect([state.kind, effects]).toEqual(['confirm', []])
    expect(join(LINK, { kind: 'submit' })).toMatchObject({ state: { kind: 'connecting' }, effects: ['join'] })
    expect(join('obsidian://tandem-sync?secret=1').state).toMatchObject({ kind: 'link', offer: null })
  })

  it('reads a photo, and says when there is no code in it', () => {
    expect(join(undefined, { kind: 'photo', text: null }).state).toMatchObject({
      problem: expect.stringMatching(/No code/) as string,
    })
    expect(join(undefined, { kind: 'photo', text: LINK }).state).toMatchObject({ offer: { name: 'Writing desk' } })
  })

  it('keeps the link for another attempt after a failure of the network', () => {
    const failed: JoinEvent[] = [typed(LINK), { kind: 'submit' }, { kind: 'failed', error: ERROR }]
    expect(join(undefined, ...failed, { kind: 'retry' }).state).toMatchObject({ kind: 'link', text: LINK })
  })

  it('[P3] a no ends it', () => {
    expect(join(undefined, typed(LINK), { kind: 'submit' }, asks('code'), NO)).toMatchObject({
      state: { kind: 'failed', text: '' },
      effects: ['join', 'answer false', 'cancel'],
    })
  })
})

describe('the link that Obsidian took apart', () => {
  it('[P1] is put together again', () => {
    const params = { action: 'tandem-sync', ...Object.fromEntries(new URL(LINK).searchParams), other: 'x' }
    expect(linkFromParams(params)).toBe(LINK)
  })
})

describe('the short code', () => {
  it.each([
    ['123456', '123 456'],
    ['1234', '1 234'],
    ['12', '12'],
  ])('%s is shown as %s', (code, shown) => expect(spacedCode(code)).toBe(shown))
})

describe('the relay between the engine and a screen', () => {
  const aRelay = () => {
    const seen: string[] = []
    const relay = new QuestionRelay(
      ({ kind }) => seen.push(kind),
      () => seen.push('withdrawn'),
    )
    return { relay, seen }
  }

  it('carries a question there and the answer back', async () => {
    const { relay, seen } = aRelay()
    const answer = relay.ask(aQuestion('code'), new AbortController().signal)
    expect(seen).toEqual(['code'])
    relay.answer(true)
    expect(await answer).toBe(true)
  })

  it('[P3] answers no when the question is taken back, and tells it also after an answer', async () => {
    const { relay, seen } = aRelay()
    const first = new AbortController()
    const answer = relay.ask(aQuestion('code'), first.signal)
    first.abort()
    expect(await answer).toBe(false)
    const second = new AbortController()
    const yes = relay.ask(aQuestion('vaults'), second.signal)
    relay.answer(true)
    second.abort()
    expect(await yes).toBe(true)
    expect(seen).toEqual(['code', 'withdrawn', 'vaults', 'withdrawn'])
  })

  it('answers no to a question that another one takes the place of', async () => {
    const { relay } = aRelay()
    const first = relay.ask(aQuestion('code'), new AbortController().signal)
    const second = relay.ask(aQuestion('vaults'), new AbortController().signal)
    relay.answer(true)
    expect(await Promise.all([first, second])).toEqual([false, true])
  })
})
