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
      ['New', 'Never connected yet · retrying in 4 s'],
    ])
    expect(await page.locator('.tandem-devices .tandem-warning').allTextContents()).toEqual([
      'Needs an update on that device',
      'Removed this device: pair again',
    ])
  })

  it('says what to do while there is none', async () => {
    const page = await openSettings({ peers: 'none' })
    expect(await page.locator('.setting-group-empty').textContent()).toMatch(/^No device yet\. Choose “Add device”/)
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
    expect(await entries.first().textContent()).toBe('A transfer was cut and goes onPhone · 1 minute ago')
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
      'Pause syncing',
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
