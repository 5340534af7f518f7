// @vitest-environment happy-dom
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { VAULT_SHARE } from '../../src/engine/app.ts'
import { eventually } from '../support/eventually.ts'
import { ObsidianDevice } from '../support/obsidian/app-plugin.ts'
import type { PluginSettingTab } from '../support/obsidian/web-setting-tab.ts'

const PATIENCE_MS = 90_000
const until = (what: string, is: () => boolean): Promise<unknown> =>
  eventually(what, () => is() || undefined, { withinMs: PATIENCE_MS, everyMs: 5 })

const NOTES = 150
const PICTURES = 40
/** Bytes; pictures do not get smaller in a pack. */
const PICTURE = 1024 * 1024
const FILES = NOTES + PICTURES

describe('[E9] the first sync of two built plugins', () => {
  let base: string
  let devices: ObsidianDevice[]
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(tmpdir(), 'tandem-first-'))
    devices = []
    document.body.innerHTML = '<div class="status-bar"></div>'
  })
  afterEach(async () => {
    for (const device of devices) await device.close()
    fs.rmSync(base, { recursive: true, force: true })
    document.body.innerHTML = ''
  })

  /** Running, with its settings open; what its status bar and its row of progress said, each once. */
  async function aDevice(name: string, fill: (device: ObsidianDevice) => void = () => undefined) {
    const device = new ObsidianDevice(path.join(base, name), name)
    devices.push(device)
    fill(device)
    device.open()
    await until(`${name} runs`, () => device.face.condition.kind === 'running' && device.face.device!.isSettled)
    for (const role of ['inviter', 'joiner'] as const) device.face.answerQuestions(role, () => Promise.resolve(true))
    const status = [...document.querySelectorAll('.status-bar-item')].at(-1)!
    const settings = document.body.createDiv()
    ;(device.app!.setting.tabs.get('tandem-sync') as PluginSettingTab).open(settings)
    const find = (text: string) =>
      [...settings.querySelectorAll<HTMLElement>('.setting-item')].find((item) => item.textContent.includes(text))
    const progress = () => find('Bringing the devices in step')!
    const isShown = () => !progress().classList.contains('tandem-hidden')
    const said = { status: new Set<string>(), progress: new Set<string>(), peers: new Set<string>() }
    const look = setInterval(() => {
      if (!settings.isConnected) return clearInterval(look)
      said.status.add(status.textContent)
      if (isShown()) said.progress.add(progress().querySelector('.setting-item-description')!.textContent)
      for (const peer of settings.querySelectorAll('.tandem-devices .setting-item-description'))
        said.peers.add(peer.textContent)
    }, 5)
    return { device, status, find, progress, isShown, said }
  }

  const files = (device: ObsidianDevice): number =>
    fs.readdirSync(device.vault, { recursive: true }).filter((name) => /\.(md|png)$/.test(String(name))).length

  it('is told in files and bytes on both, can be stopped where it is, and goes on from there', async () => {
    const ada = await aDevice('ada', (device) => {
      for (let n = 0; n < NOTES; n++) device.write(`Notes/${n % 7}/Note ${n}.md`, `# Note ${n}\n${'word '.repeat(n)}\n`)
      for (let n = 0; n < PICTURES; n++) device.write(`Pictures/${n}.png`, randomBytes(PICTURE))
    })
    const bob = await aDevice('bob')
    await ada.device.face.ready(AbortSignal.timeout(PATIENCE_MS)) // at once: relays are off here
    const { offer, paired } = ada.device.face.device!.peers.invite(VAULT_SHARE)
    const joined = bob.device.face.device!.peers.join(offer, AbortSignal.timeout(PATIENCE_MS))
    await Promise.all([paired, joined])

    const doneOf = (text: string): number => Number(/^Syncing (\d+) of \d+$/.exec(text)?.[1] ?? 0)
    await until('some pictures arrived', () => doneOf(bob.status.textContent) > NOTES + 4)
    bob.progress().querySelector('button')!.click()
    await until('paused', () => bob.device.face.condition.kind === 'paused' && bob.device.face.device !== null)
    expect([...bob.said.status]).toContainEqual(expect.stringMatching(new RegExp(`^Syncing \\d+ of ${FILES}$`)))
    expect([...bob.said.progress]).toContainEqual(
      expect.stringMatching(new RegExp(`^\\d+ of ${FILES} files · [\\d.]+ MB of 4\\d\\.\\d MB`)),
    )
    expect([...bob.said.peers]).toContainEqual(expect.stringMatching(/ · receiving \d+ of 190 files$/))
    expect([...ada.said.peers]).toContainEqual(expect.stringMatching(/ · sending \d+ of 190 files$/))
    await until('it says so', () => bob.status.textContent === 'Paused' && !bob.isShown())
    await until('the other one has nothing to send', () => !ada.isShown())
    expect(files(bob.device)).toBeLessThan(FILES)

    for (const said of Object.values(bob.said)) said.clear()
    await bob.device.face.resume()
    await until('all is there', () => files(bob.device) === FILES)
    await until('both say so', () =>
      [ada, bob].every(({ device }) => device.face.device?.peerReports()[0]?.current === true),
    )
    const totals = [...bob.said.status].map((text) => Number(/^Syncing \d+ of (\d+)$/.exec(text)?.[1] ?? 0))
    expect(Math.max(...totals)).toBeGreaterThan(0)
    expect(Math.max(...totals)).toBeLessThan(FILES - NOTES) // the notes and some pictures were there already
    // What has arrived is written into the vault, and that is told, too.
    expect([...bob.said.status]).toContainEqual(expect.stringMatching(new RegExp(`^Writing \\d+ of ${FILES}$`)))
    expect([...bob.said.progress].join()).toMatch(new RegExp(`riting \\d+ of ${FILES} files into the vault`))
    for (let n = 0; n < PICTURES; n++) {
      const [here, there] = [ada, bob].map(({ device }) =>
        fs.readFileSync(path.join(device.vault, `Pictures/${n}.png`)),
      )
      expect(here!.equals(there!)).toBe(true)
    }
    await until('nothing is under way', () => !ada.isShown() && !bob.isShown())
    const diagnostics = JSON.parse(await ada.device.face.diagnostics()) as { peers: unknown; total: unknown }
    expect(diagnostics).toMatchObject({
      peers: [{ filesApart: { ahead: 0, behind: 0 } }],
      total: { connected: 1, queueDepth: 0, lastError: null },
    })
  }, 180_000)
})
