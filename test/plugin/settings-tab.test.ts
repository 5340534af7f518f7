import { build } from 'esbuild'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { endpointIdOf } from '../../src/adapters/obsidian/device-key.ts'
import { endpointIdOf as irohEndpointIdOf } from '../../src/adapters/iroh/iroh-keys.ts'
import { definition, FakeDevice, loadPlugin } from '../support/obsidian/fake-obsidian.ts'
import type { FakeSettingTab } from '../support/obsidian/fake-obsidian.ts'

const root = join(import.meta.dirname, '../..')
let mainJs = ''
let imports: string[] = []

beforeAll(async () => {
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['src/main.ts'],
    outfile: 'main.js',
    bundle: true,
    write: false,
    metafile: true,
    format: 'cjs',
    platform: 'browser',
    target: 'es2022',
    external: ['obsidian', 'node:*'],
  })
  mainJs = result.outputFiles[0]!.text
  imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports.map((entry) => entry.path))
})

afterEach(() => {
  vi.unstubAllGlobals()
})

const idShown = (tab: FakeSettingTab): unknown => definition(tab, 'Endpoint ID').desc

/** A row as Obsidian hands it to `render`, with what was put into it. */
function aRow() {
  const classes: string[] = []
  const buttons: { text: string; click: () => unknown }[] = []
  const setting = {
    descEl: { addClass: (name: string) => classes.push(name) },
    addButton(fill: (button: unknown) => unknown) {
      const made = { text: '', click: (): unknown => undefined }
      const button = {
        setButtonText: (text: string) => ((made.text = text), button),
        onClick: (click: () => unknown) => ((made.click = click), button),
      }
      buttons.push(made)
      fill(button)
      return setting
    },
  }
  return { setting, classes, buttons }
}

describe('the built plugin', () => {
  it('asks Obsidian for nothing but the module "obsidian"', () => {
    expect([...new Set(imports)]).toEqual(['obsidian'])
  })
})

describe("this device's key", () => {
  it('gives the id that Iroh gives to the same key', async () => {
    for (let i = 0; i < 5; i++) {
      const seed = crypto.getRandomValues(new Uint8Array(32))
      expect(await endpointIdOf(seed)).toBe(irohEndpointIdOf(seed))
    }
  })

  it('[P6] is the same after a reload, and another on another device', async () => {
    const device = new FakeDevice()
    const first = idShown((await loadPlugin(mainJs, device)).tab)
    const second = idShown((await loadPlugin(mainJs, device)).tab)
    const other = idShown((await loadPlugin(mainJs, new FakeDevice())).tab)
    expect(first).toMatch(/^[0-9a-f]{64}$/)
    expect(second).toBe(first)
    expect(other).not.toBe(first)
  })

  it('[P6] lives in the secret storage, and neither in data.json nor in local storage', async () => {
    const device = new FakeDevice()
    const { tab } = await loadPlugin(mainJs, device)
    tab.setControlValue('deviceName', 'Desk')
    const [secret] = [...device.secrets.values()]
    expect(secret).toMatch(/^[0-9a-f]{64}$/)
    const elsewhere = [...device.localStorage.values()].join()
    expect(elsewhere).not.toContain(secret)
    expect(elsewhere).not.toContain(idShown(tab))
    expect(device.dataJson).toBeUndefined()
  })

  it('[P6] takes no notice of a data.json that another device sent', async () => {
    const device = new FakeDevice()
    const before = idShown((await loadPlugin(mainJs, device)).tab)
    device.dataJson = JSON.stringify({ deviceId: 'f'.repeat(64), deviceName: 'Elsewhere', secretKey: '0'.repeat(64) })
    const { tab } = await loadPlugin(mainJs, device)
    expect(idShown(tab)).toBe(before)
    expect(tab.getControlValue('deviceName')).toBe('Obsidian on Linux')
  })

  it('is one key, too, when the plugin is loaded twice at the same time', async () => {
    const device = new FakeDevice()
    const both = await Promise.all([loadPlugin(mainJs, device), loadPlugin(mainJs, device)])
    expect(idShown(both[0].tab)).toBe(idShown(both[1].tab))
  })

  it('is not replaced when something else is stored in its place; the tab says what to do', async () => {
    const device = new FakeDevice()
    device.secrets.set('tandem-sync-device-key', 'something of somebody')
    const { tab } = await loadPlugin(mainJs, device)
    expect(device.secrets.get('tandem-sync-device-key')).toBe('something of somebody')
    expect(idShown(tab)).toMatch(/is not a device key/)
  })

  it('is not shown when the secret storage does not keep it: the next start would make another', async () => {
    const device = new FakeDevice()
    device.forgetsSecrets = true
    const { tab } = await loadPlugin(mainJs, device)
    expect(idShown(tab)).toMatch(/did not keep the key/)
  })
})

describe('the settings tab', () => {
  it('holds the name, the id and the state of this device', async () => {
    const { tab } = await loadPlugin(mainJs, new FakeDevice())
    const names = tab.settingItems.map((item) => ('name' in item ? item.name : item.type))
    expect(names).toEqual(['Device name', 'Endpoint ID', 'State'])
    expect(definition(tab, 'State').desc).toMatch(/cannot sync yet/)
  })

  it('is updated once the id is known', async () => {
    const { tab } = await loadPlugin(mainJs, new FakeDevice())
    expect(tab.updates).toBeGreaterThan(1)
  })

  it('keeps a new device name on this device, for the next start', async () => {
    const device = new FakeDevice()
    const { tab } = await loadPlugin(mainJs, device)
    expect(tab.getControlValue('deviceName')).toBe('Obsidian on Linux')
    tab.setControlValue('deviceName', '  Writing desk ✍️ ')
    const again = (await loadPlugin(mainJs, device)).tab
    expect(again.getControlValue('deviceName')).toBe('Writing desk ✍️')
  })

  it.each([
    ['', /name/],
    ['   ', /name/],
    ['x'.repeat(61), /60/],
    ['a\u0007b', /invisible/],
    ['a\u202eb', /invisible/],
  ])('refuses the device name %j with a reason, and keeps the old one', async (name, reason) => {
    const { tab } = await loadPlugin(mainJs, new FakeDevice())
    const { control } = definition(tab, 'Device name')
    expect(control?.type === 'text' ? control.validate?.(name) : 'not a text control').toMatch(reason)
    tab.setControlValue('deviceName', name)
    expect(tab.getControlValue('deviceName')).toBe('Obsidian on Linux')
  })

  it('copies the id at the press of a button', async () => {
    const { tab } = await loadPlugin(mainJs, new FakeDevice())
    const { setting, classes, buttons } = aRow()
    definition(tab, 'Endpoint ID').render!(setting as never, undefined as never)
    expect(classes).toEqual(['tandem-mono'])
    expect(buttons.map(({ text }) => text)).toEqual(['Copy'])
    const copied: string[] = []
    vi.stubGlobal('navigator', { clipboard: { writeText: (text: string) => Promise.resolve(copied.push(text)) } })
    await buttons[0]!.click()
    expect(copied).toEqual([idShown(tab)])
    expect(buttons[0]!.text).toBe('Copied')
  })
})
