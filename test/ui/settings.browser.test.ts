import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useGallery, type GalleryOptions } from '../support/obsidian/gallery-page.ts'
import type { Gallery } from '../support/obsidian/gallery.ts'

declare const g: Gallery

const openGallery = useGallery()

async function openSettings(options: GalleryOptions = {}): Promise<Page> {
  const page = await openGallery(options)
  await page.evaluate(() => g.settings())
  return page
}

const row = (page: Page, name: string) =>
  page.locator('.setting-item', { has: page.locator('.setting-item-name', { hasText: name }) }).first()
const calls = (page: Page) => page.evaluate(() => g.face.calls)

async function rows(page: Page, group: string): Promise<[string, string][]> {
  const items = await page.locator(`${group} .setting-items > .setting-item`).all()
  return Promise.all(
    items.map(async (item) => [
      (await item.locator('.setting-item-name').textContent()) ?? '',
      (await item.locator('.setting-item-description').textContent()) ?? '',
    ]),
  )
}

describe('the list of devices', () => {
  it('[L10] tells each state in a sentence', async () => {
    const page = await openSettings({ peers: 'all' })
    expect(await rows(page, '.tandem-devices')).toEqual([
      ['Direct', 'Connected directly · up to date'],
      ['Studio', 'Connected through a relay · receiving 12 of 40 files'],
      ['Local', 'Connected on the local network · up to date'],
      ['Connecting', 'Connecting…'],
      ['Home server', 'Last seen 2 hours ago · retrying in 20 s'],
      ['Silent', 'Not answering'],
      ['Old', 'Needs an update on that device'],
      ['Gone', 'Removed this device: pair again'],
      ['Held', 'Disconnected by you'],
      ['New', 'Not in step yet · retrying in 4 s'],
    ])
    expect(await page.locator('.tandem-devices .tandem-warning').allTextContents()).toEqual([
      'Needs an update on that device',
      'Removed this device: pair again',
    ])
  })

  it('says what to do while there is none', async () => {
    const page = await openSettings({ peers: 'none' })
    expect(await page.locator('.tandem-devices .setting-group-empty').textContent()).toMatch(
      /^No device yet\. Choose “Add device”/,
    )
    await page.getByRole('button', { name: 'Add device' }).first().click()
    expect(await page.locator('.modal-title').textContent()).toBe('Add a device')
  })

  it('follows what happens without taking the focus from a field', async () => {
    const page = await openSettings()
    const field = page.getByLabel('Device name')
    await field.focus()
    await page.keyboard.press('End')
    await page.keyboard.type(' 2')
    await page.evaluate(() => g.face.transfer(g.face.peers[1]!.id, 30, 40))
    expect((await rows(page, '.tandem-devices'))[1]![1]).toContain('receiving 30 of 40 files')
    // A device that is gone changes the rows: that waits until the field is left.
    await page.evaluate(() => {
      g.face.peers = g.face.peers.slice(0, 2)
      g.face.changed()
    })
    expect(await field.evaluate((el) => el === document.activeElement)).toBe(true)
    expect(await rows(page, '.tandem-devices')).toHaveLength(3)
    await page.keyboard.type(' b')
    expect(await field.inputValue()).toBe('Writing desk 2 b')
    await page.waitForFunction(() => g.face.calls.includes('rename Writing desk 2 b'))
    expect((await calls(page)).filter((call) => call.startsWith('rename'))).toEqual(['rename Writing desk 2 b'])
    await field.blur()
    await page.evaluate(() => g.face.changed())
    expect(await rows(page, '.tandem-devices')).toHaveLength(2)
  })

  it('refuses a name with a reason', async () => {
    const page = await openSettings()
    await page.getByLabel('Device name').fill(' ')
    await page.getByText('Give this device a name.').waitFor()
    expect(await calls(page)).toEqual([])
  })

  it('opens a device by keyboard: facts, disconnect, rename, connect automatically', async () => {
    const page = await openSettings()
    await row(page, 'Laptop').focus()
    await page.keyboard.press('Enter')
    expect(await page.locator('.setting-page-title').textContent()).toBe('Laptop')
    expect(await row(page, 'Path').textContent()).toContain('On the local network')
    expect(await row(page, 'Round trip').textContent()).toContain('12 ms')
    expect(await row(page, 'Transferred').textContent()).toContain('3.1 MB received, 48.2 MB sent')
    expect(await row(page, 'Files ahead and behind').textContent()).toContain('None')
    await page.getByRole('button', { name: 'Disconnect' }).click()
    await row(page, 'Connect automatically').locator('input').uncheck()
    await page.getByLabel('Name').fill('Old laptop')
    await page.waitForFunction(() => g.face.calls.some((call) => call.includes('Old laptop')))
    expect(await calls(page)).toEqual([
      'disconnect 3b',
      'update 3b {"autoConnect":false}',
      'update 3b {"name":"Old laptop"}',
    ])
    await page.getByRole('button', { name: 'Back' }).click()
    expect(await rows(page, '.tandem-devices')).toHaveLength(3)
  })

  it('[P5] asks before it removes a device, and says that it keeps its copy', async () => {
    const page = await openSettings()
    await row(page, 'Laptop').click()
    await page.getByRole('button', { name: 'Remove…' }).click()
    expect(await page.locator('.modal-content').textContent()).toContain('Laptop keeps its copy of your notes')
    await page.getByRole('button', { name: 'Cancel' }).click()
    expect(await calls(page)).toEqual([])
    await page.getByRole('button', { name: 'Remove…' }).click()
    await page.locator('.modal').getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByText('This device was removed.').waitFor()
    await page.getByRole('button', { name: 'Back' }).click()
    expect((await rows(page, '.tandem-devices')).map(([name]) => name)).toEqual(['Studio', 'Home server'])
  })
})

describe('[L10] the numbers', () => {
  const facts = async (page: Page): Promise<string[]> => {
    const rows = await page.locator('.tandem-fact').all()
    return Promise.all(
      rows.map(async (fact) => {
        const [name, value] = [fact.locator('.setting-item-name'), fact.locator('.tandem-fact-value')]
        return `${await name.textContent()}: ${await value.textContent()}`
      }),
    )
  }

  it('of a device: how far the vaults are apart, what went each way, what waits, what was dropped', async () => {
    const page = await openSettings()
    await row(page, 'Studio').click()
    await page.getByText('3 ahead, 12 behind').waitFor()
    expect(await facts(page)).toEqual([
      'Shared with it: The whole vault',
      'Path: Through a relay; it passes on what it cannot read',
      'Round trip: 12 ms',
      'Files ahead and behind: 3 ahead, 12 behind',
      'Last in step: 2 hours ago',
      'Last error: None',
      expect.stringMatching(/^Paired: 2026-/) as string,
      'Transferred: 3.1 MB received, 48.2 MB sent',
      'Messages: 745 received, 812 sent',
      'Messages that wait to be sent: 3',
      'Messages dropped from a full queue: 0',
      'Reconnections: 2',
    ])
  })

  it('of a device that has said nothing are not known', async () => {
    const page = await openSettings()
    await row(page, 'Home server').click()
    expect(await row(page, 'Files ahead and behind').textContent()).toContain('Not known')
    expect(await row(page, 'Last error').textContent()).toContain('No answer within 30 s (5 minutes ago)')
  })

  it('are asked for while they are shown, not more often than every few seconds, and change in place', async () => {
    const page = await openSettings()
    const read = () => page.evaluate(() => g.face.metricsRead)
    await page.clock.install()
    expect(await read()).toBe(0)
    await row(page, 'Studio').click()
    await page.getByLabel('Name').focus()
    await page.evaluate(() => {
      for (let n = 0; n < 50; n++) g.face.changed()
    })
    expect(await read()).toBe(1)
    await page.evaluate(() => {
      const [one, studio, ...rest] = g.face.peers
      g.face.peers = [one!, { ...studio!, current: true, traffic: { ...studio!.traffic, messagesSent: 900 } }, ...rest]
    })
    await page.clock.runFor(9_500)
    expect(await read()).toBe(4)
    expect(await facts(page)).toEqual(
      expect.arrayContaining(['Files ahead and behind: None', 'Messages: 745 received, 900 sent']),
    )
    expect(await page.getByLabel('Name').evaluate((el) => el === document.activeElement)).toBe(true)
    await page.getByRole('button', { name: 'Back' }).click()
    await page.clock.runFor(9_500)
    expect(await read()).toBe(4)
  })

  it('of all devices together are beside the diagnostics, also as JSON', async () => {
    const page = await openSettings({ peers: 'all' })
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await row(page, 'Advanced').click()
    await row(page, 'Traffic in total').click()
    await page.getByText('31.4 MB received, 482 MB sent').waitFor()
    expect(await facts(page)).toEqual([
      'Transferred: 31.4 MB received, 482 MB sent',
      'Messages: 7,450 received, 8,120 sent',
      'Messages that wait to be sent: 30',
      'Messages dropped from a full queue: 0',
      'Reconnections: 20',
      'Connected: 4 of 10',
      'Last in step: just now',
      'Last error: No answer within 30 s (5 minutes ago)',
    ])
    await page.getByRole('button', { name: 'Copy as JSON' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as Record<string, unknown>
    expect(copied).toMatchObject({ total: { peers: 10, reconnects: 20 }, peers: { length: 10 } })
    await page.getByRole('button', { name: 'Back' }).click()
    expect(await page.locator('.setting-page-title').textContent()).toBe('Advanced')
  })
})

describe('[E9] a sync that takes a while', () => {
  const progress = (page: Page) => row(page, 'Bringing the devices in step')

  it('tells files, bytes and the time left, in which direction, and can be stopped and taken up again', async () => {
    const page = await openSettings()
    const [laptop, studio] = await page.evaluate(() => g.face.peers.map(({ id }) => id))
    await page.evaluate(() => g.pass(3_000))
    await page.evaluate((id) => g.face.transfer(id!, 14, 40), studio)
    expect(await progress(page).textContent()).toContain('14 of 40 files · 1.2 MB of 4.0 MB · about 7 s left')
    expect(await page.locator('.status-bar-item').textContent()).toBe('Syncing 14 of 40')
    await page.evaluate((id) => g.face.transfer(id!, 3, 10, 'sending'), laptop)
    expect((await rows(page, '.tandem-devices'))[0]![1]).toBe('Connected on the local network · sending 3 of 10 files')
    expect(await progress(page).textContent()).toContain('17 of 50 files')
    await progress(page).getByRole('button', { name: 'Stop' }).click()
    await page.getByText('Sync is paused on this device.').first().waitFor()
    expect(await progress(page).isVisible()).toBe(false)
    await page.getByLabel('Sync this vault').check()
    expect(await calls(page)).toEqual(['paused', 'running'])
  })

  it('is not there while nothing is under way; it comes and goes without taking the focus', async () => {
    const page = await openSettings()
    await page.evaluate(() => g.face.idle(g.face.peers[1]!))
    expect(await progress(page).isVisible()).toBe(false)
    await page.getByLabel('Hotkeys').focus()
    await page.evaluate(() => g.face.transfer(g.face.peers[1]!.id, 1, 2, 'sending'))
    expect(await progress(page).isVisible()).toBe(true)
    await page.evaluate(() => g.face.idle(g.face.peers[1]!))
    expect(await progress(page).isVisible()).toBe(false)
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Hotkeys')
  })

  it('that sends to a device which has fallen silent is told no more', async () => {
    const page = await openSettings()
    await page.evaluate(() => {
      g.face.idle(g.face.peers[1]!)
      g.face.transfer(g.face.peers[1]!.id, 1, 2, 'sending')
      g.pass(31_000)
    })
    expect((await rows(page, '.tandem-devices'))[1]![1]).toBe('Connected through a relay · syncing')
  })

  it('can be stopped in the menu', async () => {
    const page = await openGallery()
    await page.locator('.status-bar-item').click()
    const menu = page.locator('.menu')
    expect(await menu.textContent()).toContain('Syncing 12 of 40 files. 1.2 MB of 4.0 MB')
    expect(await menu.textContent()).not.toContain('Pause syncing')
    await menu.getByText('Stop, and go on later').click()
    expect(await calls(page)).toEqual(['paused'])
    await page.evaluate(() => g.face.resume())
    await page.evaluate(() => g.face.idle(g.face.peers[1]!))
    await page.locator('.status-bar-item').click()
    expect(await menu.textContent()).toContain('Pause syncing')
    expect(await menu.textContent()).not.toContain('Stop')
  })
})

describe('a page behind the settings', () => {
  it('keeps the focus while things happen', async () => {
    const page = await openSettings()
    await row(page, 'Advanced').click()
    await page.getByLabel('Look for devices on the local network').focus()
    await page.evaluate(() => {
      for (let n = 0; n < 3; n++) g.face.transfer(g.face.peers[1]!.id, 20 + n, 40)
    })
    const focused = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))
    expect(focused).toBe('Look for devices on the local network')
  })
})

describe('what is synced', () => {
  it('pauses and resumes', async () => {
    const page = await openSettings()
    const toggle = page.getByLabel('Sync this vault')
    await toggle.focus()
    await page.keyboard.press('Space')
    await page.getByText('Sync is paused on this device.').first().waitFor()
    expect(await page.locator('.status-bar-item').textContent()).toBe('Paused')
    await page.getByLabel('Sync this vault').check()
    expect(await calls(page)).toEqual(['paused', 'running'])
  })

  it('[E8] switches categories of the configuration', async () => {
    const page = await openSettings()
    await page.getByLabel('Hotkeys').check()
    await page.getByLabel('Appearance').check()
    expect((await calls(page)).at(-1)).toBe('settings {"configCategories":["appearance","hotkeys"]}')
  })

  it('[E2] leaves out a folder, and takes it back', async () => {
    const page = await openSettings()
    await row(page, 'Folders left out').click()
    await page.getByRole('button', { name: 'Leave out a folder' }).click()
    await page.keyboard.type('arch')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Delete' }).click()
    expect(await calls(page)).toEqual(['settings {"excludedFolders":["Archive"]}', 'settings {"excludedFolders":[]}'])
  })
})

describe('the page "Advanced"', () => {
  it('asks for the address of an own relay, and takes no other', async () => {
    const page = await openSettings()
    await row(page, 'Advanced').click()
    expect(await page.getByLabel('Address of the relay').isVisible()).toBe(false)
    await page.getByLabel('Relay', { exact: true }).selectOption('own')
    await page.getByLabel('Address of the relay').fill('relay')
    await page.getByText('Enter the whole address').waitFor()
    await page.getByLabel('Address of the relay').fill('https://relay.example.org')
    await page.waitForFunction(() => g.face.settings.relay === 'https://relay.example.org')
    await page.getByLabel('Sign of life').fill('99')
    await page.getByText('Enter a whole number from 2 to 10.').waitFor()
    expect(await calls(page)).toEqual(['settings {"relay":"https://relay.example.org"}'])
  })

  it('names size, source and hash of the network component before it is installed from a file', async () => {
    const page = await openSettings()
    await page.evaluate(() => {
      g.face.condition = { kind: 'offline', reason: 'no-component', message: 'The network component is missing here.' }
      const offer = {
        file: 'iroh.node',
        bytes: 21_000_000,
        source: '@number0/iroh-linux-x64-gnu@1.1.0',
        sha256: 'ab'.repeat(32),
      }
      g.face.component = { ...g.face.component, condition: { kind: 'missing' }, offer }
      g.face.changed()
    })
    expect(await page.locator('.status-bar-item').textContent()).toBe('Offline')
    await row(page, 'offline').getByRole('button', { name: 'Install…' }).click()
    const words = await page.locator('.modal').textContent()
    for (const part of ['iroh.node (21.0 MB)', '@number0/iroh-linux-x64-gnu@1.1.0', 'ab'.repeat(32)])
      expect(words).toContain(part)
    const file = { name: 'iroh.node', mimeType: 'application/octet-stream', buffer: Buffer.from('abc') }
    await page.locator('.modal input[type=file]').setInputFiles(file)
    await page.waitForFunction(() => g.face.installed === 3)
    expect(await page.locator('.modal').count()).toBe(0)
  })
})

describe('the activity log', () => {
  it('is searched, filtered and cleared', async () => {
    const page = await openSettings()
    await row(page, 'Activity log').click()
    const entries = page.locator('.tandem-log-row')
    await entries.first().waitFor()
    expect(await entries.count()).toBe(9)
    expect(await entries.first().textContent()).toBe('A transfer was cut and goes onStudio · 1 minute ago')
    await page.getByLabel('What to show').selectOption('problems')
    expect(await entries.count()).toBe(3)
    await page.getByLabel('Search the log').fill('disk')
    expect(await entries.count()).toBe(1)
    await page.getByLabel('Search the log').fill('nothing like it')
    expect(await page.locator('.tandem-empty').textContent()).toBe('Nothing in the log fits.')
    await page.getByRole('button', { name: 'Clear…' }).click()
    await page.getByRole('button', { name: 'Clear', exact: true }).click()
    await page.getByText('Nothing has happened yet.').waitFor()
  })
})

describe('the status bar', () => {
  it('opens its menu by keyboard, and the menu leads on', async () => {
    const page = await openGallery()
    const item = page.locator('.status-bar-item')
    expect(await item.textContent()).toBe('Syncing 12 of 40')
    await item.focus()
    await page.keyboard.press('Enter')
    expect(await page.getByRole('menuitem').allTextContents()).toEqual([
      'Sync now',
      'Stop, and go on later',
      'Conflicts (2)',
      'Activity log',
      'Settings',
    ])
    await page.keyboard.press('Enter')
    expect(await calls(page)).toEqual(['sync now'])
    await page.keyboard.press('Enter')
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Enter')
    expect(await page.getByLabel('Device name').isVisible()).toBe(true)
  })

  it('is coloured for what needs attention alone', async () => {
    const page = await openGallery({ peers: 'all' })
    const item = page.locator('.status-bar-item')
    expect(await item.textContent()).toBe('Needs attention')
    expect(await item.evaluate((el) => el.classList.contains('tandem-warning'))).toBe(true)
    await page.evaluate(() => {
      g.face.peers = g.face.peers.slice(0, 1)
      g.face.changed()
    })
    expect(await item.evaluate((el) => el.classList.contains('tandem-warning'))).toBe(false)
  })
})

describe('commands', () => {
  it('are offered when they make sense', async () => {
    const page = await openGallery()
    const offered = () =>
      page.evaluate(() => ['sync-now', 'pause', 'resume', 'show-history', 'review-change'].filter((id) => g.offers(id)))
    expect(await offered()).toEqual(['sync-now', 'pause'])
    await page.evaluate(() => {
      g.app.workspace.activeFile = g.note
      return g.face.pause()
    })
    expect(await offered()).toEqual(['resume', 'show-history'])
  })
})

describe('[E3] a large change', () => {
  it('is told, shown with its files, and kept out by the first answer that the keyboard meets', async () => {
    const page = await openGallery()
    await page.evaluate(() => g.askConsent())
    expect(await page.locator('.notice').textContent()).toContain('delete 62 files')
    expect(await page.locator('.modal li').count()).toBe(63)
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Keep mine')
    await page.keyboard.press('Enter')
    expect(await calls(page)).toEqual(['consent false'])
    await page.waitForFunction(() => !document.querySelector('.modal, .notice'))
  })

  it('waits on when the window is closed without an answer', async () => {
    const page = await openGallery()
    await page.evaluate(() => g.askConsent())
    await page.keyboard.press('Escape')
    expect(await calls(page)).toEqual([])
    expect(await page.evaluate(() => g.offers('review-change'))).toBe(true)
    await page.getByRole('button', { name: 'Look at it' }).click()
    await page.getByRole('button', { name: 'Approve' }).click()
    expect(await calls(page)).toEqual(['consent true'])
  })
})

describe('while the engine starts anew after a change of settings', () => {
  it('the tab stays as it is, and so does the focus', async () => {
    const page = await openSettings()
    await page.getByLabel('Hotkeys').focus()
    await page.keyboard.press('Space')
    await page.evaluate(() => {
      g.face.condition = { kind: 'starting' }
      g.face.changed()
    })
    expect((await rows(page, '.tandem-devices')).map(([, sentence]) => sentence)).toEqual(
      Array(3).fill('Sync is starting…'),
    )
    await page.evaluate(() => {
      g.face.condition = { kind: 'running' }
      g.face.changed()
    })
    expect((await rows(page, '.tandem-devices'))[0]).toEqual(['Laptop', 'Connected on the local network · up to date'])
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Hotkeys')
  })

  it('a device that is shown stays on its page', async () => {
    const page = await openSettings()
    await row(page, 'Laptop').click()
    await page.evaluate(() => {
      g.face.condition = { kind: 'starting' }
      g.face.changed()
    })
    await page.evaluate(() => {
      g.face.condition = { kind: 'running' }
      g.face.changed()
    })
    expect(await row(page, 'Path').textContent()).toContain('On the local network')
  })
})
