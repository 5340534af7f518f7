import jsQR from 'jsqr'
import type { Page } from 'playwright-core'
import { PNG } from 'pngjs'
import { describe, expect, it } from 'vitest'
import { useGallery } from '../support/obsidian/gallery-page.ts'
import type { Gallery } from '../support/obsidian/gallery.ts'

declare const g: Gallery

const openGallery = useGallery()

const title = (page: Page) => page.locator('.modal-title').textContent()
const button = (page: Page, name: string) => page.locator('.modal').getByRole('button', { name, exact: true })
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent ?? '')
const calls = (page: Page) => page.evaluate(() => g.face.calls)
const answered = (page: Page, yes: boolean) => page.waitForFunction((yes) => g.face.answered === yes, yes)

function readQr(picture: Buffer): string | undefined {
  const { data, width, height } = PNG.sync.read(picture)
  return jsQR(new Uint8ClampedArray(data), width, height)?.data
}

describe('adding a device', () => {
  it.each(['light', 'dark'] as const)('[P1] shows the link as a code that a camera reads, in %s', async (theme) => {
    const page = await openGallery({ peers: 'none', theme })
    await page.evaluate(() => g.command('add-device'))
    const link = await page.evaluate(() => g.link)
    expect(readQr(await page.screenshot())).toBe(link)
    const size = await page.locator('.tandem-qr').boundingBox()
    expect([size?.width, size?.height]).toEqual([220, 220])
    expect(await page.getByLabel('Pairing link', { exact: true }).inputValue()).toBe(link)
  })

  it('[P1] shows a code that is read on a phone, too', async () => {
    const page = await openGallery({ peers: 'none', phone: true })
    await page.evaluate(() => g.command('add-device'))
    expect(readQr(await page.screenshot())).toBe(await page.evaluate(() => g.link))
  })

  it('[P3] [E9] leads from the link to the code, to the vaults, to the end, by keyboard alone', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.settings())
    await page.getByRole('button', { name: 'Add device' }).last().focus()
    await page.keyboard.press('Enter')
    expect(await title(page)).toBe('Add a device')
    expect(await focused(page)).toBe('Copy link')
    expect(await page.locator('.tandem-countdown').textContent()).toBe('The link works for 10:00')

    await page.evaluate(() => g.face.ask('inviter', { kind: 'code', code: '123456' }))
    expect(await title(page)).toBe('Compare the codes')
    expect(await page.locator('.tandem-code').textContent()).toBe('123 456')
    expect(await page.locator('.modal-content').textContent()).toContain('Does Studio show the same code?')
    expect(await focused(page)).toBe('Yes, it is the same')
    await page.keyboard.press('Enter')
    await answered(page, true)
    expect(await page.locator('.modal-content').textContent()).toContain('Waiting for Studio')

    await page.evaluate(() => g.face.ask('inviter', { kind: 'vaults', comparison: g.comparison }))
    expect(await title(page)).toBe('Compare the vaults')
    expect(await page.locator('.tandem-comparison-count').allTextContents()).toEqual(['85', '32', '3', '1,204'])
    await page.locator('summary').nth(2).focus()
    await page.keyboard.press('Enter')
    expect(await page.locator('[open] li').allTextContents()).toEqual([
      'Inbox.md',
      'Projects/Garden.md',
      'Reading list.md',
    ])
    await button(page, 'Start syncing').focus()
    await page.keyboard.press('Enter')
    await answered(page, true)

    await page.evaluate(() => g.face.pair())
    await page.getByText('Paired with Studio.').waitFor()
    await page.keyboard.press('Enter')
    expect(await page.locator('.modal').count()).toBe(0)
    expect(await page.locator('.tandem-devices .setting-item-name').allTextContents()).toContain('Studio')
  })

  it('[P3] a no shares nothing, ends the link, and offers a new one', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.command('add-device'))
    await page.evaluate(() => g.face.ask('inviter', { kind: 'code', code: '123456' }))
    await button(page, 'No').click()
    await answered(page, false)
    expect(await page.getByRole('alert').textContent()).toContain('You said no')
    await button(page, 'Make a new link').click()
    expect(await calls(page)).toEqual(['invite', 'invite'])
    expect(await title(page)).toBe('Add a device')
  })

  it('waits again, and says why, when the other device goes away', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.command('add-device'))
    await page.evaluate(() => {
      g.face.ask('inviter', { kind: 'code', code: '123456' })
      g.face.withdraw()
    })
    expect(await page.locator('.tandem-warning').first().textContent()).toMatch(/^Studio stopped/)
    expect(readQr(await page.screenshot())).toBe(await page.evaluate(() => g.link))
  })

  it('says that a link has expired, and what to do', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.command('add-device'))
    await page.evaluate(() => g.face.fail('expired'))
    await page.getByText('The link has expired').waitFor()
    expect(await page.locator('.modal-content').textContent()).toContain('Make a new link on the first device.')
  })

  it('[P3] Escape ends it, and answers a question that stands with no', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.command('add-device'))
    await page.evaluate(() => g.face.ask('inviter', { kind: 'code', code: '123456' }))
    await page.keyboard.press('Escape')
    await answered(page, false)
    expect(await page.locator('.modal').count()).toBe(0)
  })

  it('says why nothing can be paired while sync is paused', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.face.pause())
    await page.evaluate(() => g.command('add-device'))
    expect(await page.getByRole('alert').textContent()).toBe('Sync is paused on this device.')
  })
})

describe('joining a device', () => {
  it('checks the link while it is typed, connects, asks and ends', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.command('join-device'))
    const field = page.getByLabel('Pairing link')
    expect(await field.evaluate((el) => el === document.activeElement)).toBe(true)
    await page.keyboard.type('hello')
    expect(await page.locator('.tandem-problem').textContent()).toContain('Copy the whole link')
    expect(await button(page, 'Connect').isDisabled()).toBe(true)
    await field.fill(await page.evaluate(() => g.link))
    expect(await page.locator('.tandem-problem').textContent()).toBe('This link is from Writing desk.')
    await page.keyboard.press('Enter')
    expect(await page.locator('.modal-content').textContent()).toContain('Connecting to Writing desk')
    await page.evaluate(() => g.face.ask('joiner', { kind: 'code', code: '654321', deviceName: 'Writing desk' }))
    await button(page, 'Yes, it is the same').click()
    await answered(page, true)
    await page.evaluate(() => g.face.pair('Writing desk'))
    await page.getByText('Paired with Writing desk.').waitFor()
    expect(await calls(page)).toEqual(['join Writing desk'])
  })

  it('reads the link from a photo of the screen, and says when there is none in it', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.command('add-device'))
    const photo = await page.screenshot()
    await page.keyboard.press('Escape')
    const empty = await page.screenshot()
    await page.evaluate(() => g.command('join-device'))
    const choose = (buffer: Buffer) =>
      page.getByLabel('Photo of the code').setInputFiles({ name: 'photo.png', mimeType: 'image/png', buffer })
    await choose(empty)
    await page.getByText('No code was found').waitFor()
    await choose(photo)
    await page.getByText('This link is from Writing desk.').waitFor()
    expect(await button(page, 'Connect').isEnabled()).toBe(true)
  })

  it('[P1] a link from outside asks first, and names the vault', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.openLink())
    expect(await page.locator('.tandem-code').textContent()).toBe('Second brain')
    expect(await page.locator('.modal-content').textContent()).toContain('Writing desk offers to sync')
    expect(await calls(page)).toEqual([])
    await button(page, 'Connect').click()
    expect(await calls(page)).toEqual(['join Writing desk'])
  })

  it('says why it failed, and tries the same link again', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.openLink())
    await button(page, 'Connect').click()
    await page.evaluate(() => g.face.fail('unreachable', 'transport'))
    await page.getByText('The other device cannot be reached.').waitFor()
    await button(page, 'Try again').click()
    expect(await page.getByLabel('Pairing link').inputValue()).toBe(await page.evaluate(() => g.link))
  })

  it('closing it gives the attempt up', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.openLink())
    await button(page, 'Connect').click()
    await page.keyboard.press('Escape')
    expect(await calls(page)).toEqual(['join Writing desk', 'join aborted'])
  })
})

describe('pairing while sync is starting', () => {
  it('waits for it: a link may be what opened the app', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => {
      g.face.condition = { kind: 'starting' }
      g.openLink()
    })
    await button(page, 'Connect').click()
    expect(await calls(page)).toEqual([])
    await page.evaluate(() => {
      g.face.condition = { kind: 'running' }
      g.face.changed()
    })
    await page.waitForFunction(() => g.face.calls.includes('join Writing desk'))
  })

  it('[P1] makes the link when the relay is known, or was waited for; closing ends the wait', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => {
      Object.assign(g, { relayKnown: g.face.awaitRelay() })
      g.command('add-device')
    })
    expect(await page.locator('.modal-content').textContent()).toContain('One moment')
    expect(await calls(page)).toEqual([])
    await page.evaluate(() => (g as unknown as { relayKnown: () => void }).relayKnown())
    await page.getByText('Waiting for the other device…').waitFor()
    expect(await calls(page)).toEqual(['invite'])
    await page.keyboard.press('Escape')
    await page.evaluate(() => {
      const known = g.face.awaitRelay()
      g.command('add-device')
      document.querySelector<HTMLElement>('.modal-close-button')?.click()
      known()
    })
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)))
    expect(await calls(page)).toEqual(['invite'])
  })

  it('says so when it does not come up', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => {
      g.face.condition = { kind: 'starting' }
      g.command('add-device')
    })
    expect(await page.locator('.modal-content').textContent()).toContain('One moment')
    await page.evaluate(() => {
      g.face.condition = { kind: 'failed', message: 'The history cannot be opened.' }
      g.face.changed()
    })
    await page.getByText('The history cannot be opened.').waitFor()
  })
})
