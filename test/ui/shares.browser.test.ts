import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useGallery, type GalleryOptions } from '../support/obsidian/gallery-page.ts'
import type { Gallery } from '../support/obsidian/gallery.ts'

declare const g: Gallery

const openGallery = useGallery()

async function openShared(options: GalleryOptions = {}): Promise<Page> {
  const page = await openGallery({ peers: 'none', ...options })
  await page.evaluate(() => {
    g.share()
    g.settings()
  })
  return page
}

const calls = (page: Page) => page.evaluate(() => g.face.calls)
const row = (page: Page, name: string) =>
  page.locator('.setting-item', { has: page.locator('.setting-item-name', { hasText: name }) }).first()
const texts = (page: Page, of: string) => page.locator(of).allTextContents()
const modal = (page: Page) => page.locator('.modal')
const opened = (page: Page, title: string) => page.locator('.modal-title', { hasText: title }).waitFor()
const BOB = '45'
const CAROL = '46'

describe('the list of shared folders', () => {
  it('[S1] tells with whom each is shared, whose it is, and what stays here', async () => {
    const page = await openShared()
    expect(await texts(page, '.tandem-shares .setting-items .setting-item-name')).toEqual([
      'Projects/Plan',
      'From Bob/Recipes',
      'Choir',
    ])
    expect(await texts(page, '.tandem-shares .setting-items .setting-item-description')).toEqual([
      'With Bob’s laptop and Carol (only reads)',
      'From Bob’s laptop · only to read: what is changed here stays here',
      'From Carol · no longer shared with this device. The files stay here.',
    ])
    expect(await page.locator('.tandem-shares .tandem-warning').count()).toBe(2)
    expect(await texts(page, '.tandem-devices .setting-items .setting-item-description')).toEqual([
      'Connected on the local network · up to date',
      'Connected directly · up to date · only the folders Plan and Recipes',
      'Last seen 2 hours ago · only the folder Plan',
    ])
  })

  it('says what a shared folder is while there is none', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.settings())
    expect((await texts(page, '.tandem-shares .setting-group-empty')).join()).toMatch(/^No folder is shared\./)
  })

  it('follows what happens, in place', async () => {
    const page = await openShared()
    await page.evaluate(() => {
      const [plan, ...rest] = g.face.shares
      g.face.shares = [{ ...plan!, peers: [] }, ...rest]
      g.face.changed()
    })
    expect((await texts(page, '.tandem-shares .setting-items .setting-item-description'))[0]).toBe(
      'Nobody has it from this device right now',
    )
  })
})

describe('sharing a folder', () => {
  it('asks which folder, with whom, and what they may do, by keyboard; and says what that means', async () => {
    const page = await openShared({ phone: true })
    await page.evaluate(() => {
      g.face.shares = g.face.shares.slice(1)
      g.command('share-folder')
    })
    await page.getByLabel('Folder to share').waitFor()
    await page.keyboard.type('plan')
    expect(await texts(page, '.suggestion-item')).toEqual(['Projects/Plan'])
    await page.keyboard.press('Enter')
    await opened(page, 'Share “Projects/Plan”')
    expect(await page.getByLabel('With', { exact: true }).evaluate((el) => el === document.activeElement)).toBe(true)
    expect(await modal(page).textContent()).toContain('Laptop has this folder already, with the whole vault.')
    expect(await texts(page, '.tandem-consequences p')).toEqual([
      'Bob’s laptop will see everything in “Projects/Plan”: 2 files now, and whatever is added later.',
      'They can change, add and delete files there; you see each change, and can take it back from the history.',
      expect.stringMatching(/^Nothing else of this vault is shown to them/),
    ])
    await page.getByLabel('With', { exact: true }).selectOption('Carol')
    await page.getByLabel('They may').selectOption('Only read')
    expect((await texts(page, '.tandem-consequences p')).slice(0, 2)).toEqual([
      'Carol will see everything in “Projects/Plan”: 2 files now, and whatever is added later.',
      'They cannot change it for you: what they change stays on their device.',
    ])
    await page.getByRole('button', { name: 'Share with Carol' }).click()
    await page.getByText('“Plan” is offered to Carol, who chooses where it goes.').waitFor()
    expect(await calls(page)).toEqual(['share Projects/Plan', `grant ${CAROL} id-of-Plan read`])
    expect(await modal(page).count()).toBe(0)
  })

  it('offers no folder that overlaps with another share, is hidden, or is left out', async () => {
    const page = await openShared()
    await page.evaluate(() => {
      g.face.settings = { ...g.face.settings, excludedFolders: ['Journal'] }
      g.command('share-folder')
    })
    await page.getByLabel('Folder to share').waitFor()
    expect((await texts(page, '.suggestion-item')).sort()).toEqual(['Archive', 'Projects/Plan'])
  })

  it('makes a link for somebody who is not paired', async () => {
    const page = await openShared()
    await page.evaluate(() => g.screens.shareFolder('Archive'))
    await opened(page, 'Share “Archive”')
    await page.getByLabel('With', { exact: true }).selectOption('Somebody else, by a link')
    expect((await texts(page, '.tandem-consequences p'))[0]).toMatch(/^Whoever uses the link will see everything/)
    await page.getByLabel('They may').selectOption('Only read')
    await page.getByRole('button', { name: 'Make a link' }).click()
    await opened(page, 'Invite somebody to “Archive”')
    expect(await page.getByLabel('Pairing link', { exact: true }).inputValue()).toMatch(
      /share=id-of-Archive.*title=Archive/,
    )
    expect(await calls(page)).toEqual(['share Archive', 'invite id-of-Archive Archive read'])
  })

  it('says why it did not work, and keeps what was chosen', async () => {
    const page = await openShared()
    await page.evaluate(() => {
      g.face.shareError = new Error('the disk is full')
      g.screens.shareFolder('Archive')
    })
    await page.getByRole('button', { name: 'Share with Bob’s laptop' }).click()
    await page.getByRole('alert').getByText('the disk is full').waitFor()
    await page.getByRole('button', { name: 'Share with Bob’s laptop' }).click()
    await page.getByText('“Archive” is offered to Bob’s laptop').waitFor()
  })
})

describe('a folder that is shared', () => {
  it('[S1] [S5] changes what somebody may do, and stops only after a question', async () => {
    const page = await openShared()
    await row(page, 'Projects/Plan').click()
    expect(await page.locator('.setting-page-title').textContent()).toBe('Projects/Plan')
    await page.getByLabel('Bob’s laptop', { exact: true }).selectOption('Only read')
    await row(page, 'Carol').waitFor()
    await page
      .locator('.setting-item', { has: page.getByLabel('Carol', { exact: true }) })
      .getByRole('button')
      .click()
    expect(await modal(page).textContent()).toContain('keeps the files that are there already')
    await modal(page).getByRole('button', { name: 'Cancel' }).click()
    await page
      .locator('.setting-item', { has: page.getByLabel('Carol', { exact: true }) })
      .getByRole('button')
      .click()
    await modal(page).getByRole('button', { name: 'Stop sharing' }).click()
    await page.waitForFunction(() => g.face.shares[0]!.peers.length === 1)
    expect(await calls(page)).toEqual([`grant ${BOB} id-of-Plan read`, `grant ${CAROL} id-of-Plan null`])
    expect(await page.getByLabel('Carol', { exact: true }).count()).toBe(0)
    await page.getByRole('button', { name: 'Share with…' }).click()
    await opened(page, 'Share “Projects/Plan”')
    expect(await texts(page, '.modal option')).toEqual([
      'Carol',
      'Somebody else, by a link',
      'Read and write',
      'Only read',
    ])
  })

  it('ends after a question, and is no news when those who have it offer it back; a failure is said on the page', async () => {
    const page = await openShared()
    await row(page, 'Projects/Plan').click()
    await page.evaluate(() => (g.face.shareError = new Error('the disk is full')))
    for (const outcome of ['the disk is full', 'This folder is no longer shared.']) {
      await page.getByRole('button', { name: 'End…' }).click()
      expect(await modal(page).textContent()).toContain('Everybody keeps the files they have')
      await modal(page).getByRole('button', { name: 'End it' }).click()
      await page.getByText(outcome).waitFor()
    }
    const both = ['decline id-of-Plan', 'end id-of-Plan']
    expect(await calls(page)).toEqual([...both, ...both])
  })

  it('of somebody else is left, and not offered as news again', async () => {
    const page = await openShared()
    await row(page, 'From Bob/Recipes').click()
    expect(await page.getByText('Who has it').count()).toBe(0)
    await page.getByRole('button', { name: 'Leave…' }).click()
    await modal(page).getByRole('button', { name: 'Leave it' }).click()
    await page.getByText('This folder is no longer shared.').waitFor()
    expect(await calls(page)).toEqual(['decline id-of-Recipes', 'end id-of-Recipes'])
  })

  it('[E3] shows a large change that waits in it, here and in the list', async () => {
    const page = await openShared()
    await page.evaluate(() => {
      g.face.openShare('id-of-Plan', {
        consent: { direction: 'incoming', deletes: ['a.md'], overwrites: [], key: 'k' } as never,
      })
      g.face.changed()
      g.hideNotices() // of the change, and of the offer: they lie over the page
    })
    expect((await texts(page, '.tandem-shares .setting-items .setting-item-description'))[0]).toBe(
      'A large change waits for your word',
    )
    await row(page, 'Projects/Plan').click()
    await page.getByRole('button', { name: 'Look at it…' }).click()
    await opened(page, 'Let another device change this much?')
    expect(await modal(page).textContent()).toContain(
      'Other devices ask the shared folder “Projects/Plan” to delete 1 file.',
    )
  })
})

describe('a folder that is offered', () => {
  it('[S1] is told once, and accepted to a place that is free', async () => {
    const page = await openShared()
    await page.locator('.notice', { hasText: 'shares the folder “Boat” with you.' }).getByRole('button').click()
    await opened(page, 'Bob’s laptop shares “Boat”')
    const place = page.getByLabel('Put it into')
    expect(await place.inputValue()).toBe('Boat')
    const accept = modal(page).getByRole('button', { name: 'Accept' })
    for (const [typed, problem] of [
      ['Archive', 'There is something at “Archive” already. Enter a name that is free.'],
      ['choir/Inside', 'This overlaps with “Choir”, which is a shared folder already.'],
      ['.hidden', 'Hidden folders are not shared.'],
      ['../out', 'The path holds “..”.'],
      [' ', 'Enter the name of a folder.'],
    ] as const) {
      await place.fill(typed)
      expect(await modal(page).getByRole('alert').first().textContent()).toBe(problem)
      expect(await accept.isDisabled()).toBe(true)
    }
    await place.fill('Sailing/Boat/')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => g.face.offers.length === 0)
    expect(await calls(page)).toEqual(['accept id-of-Boat Sailing/Boat', 'take up id-of-Boat'])
    await page.evaluate(() => {
      g.share()
      g.face.changed()
    })
    expect(await page.locator('.notice', { hasText: 'Boat' }).count()).toBe(0)
  })

  it('keeps the window open when it could not be taken, and says why', async () => {
    const page = await openShared()
    await page.evaluate(() => {
      g.face.shareError = new Error('the disk is full')
    })
    await page.locator('.tandem-offers').getByRole('button', { name: 'Accept…' }).click()
    await modal(page).getByRole('button', { name: 'Accept' }).click()
    await modal(page).getByText('the disk is full').waitFor()
    expect(await modal(page).getByRole('button', { name: 'Accept' }).isDisabled()).toBe(false)
  })

  it('is declined, and can be accepted all the same later', async () => {
    const page = await openShared()
    await page.locator('.tandem-offers').getByRole('button', { name: 'Decline' }).click()
    await page.getByText('Declined', { exact: true }).waitFor()
    expect(await page.getByText('Offered to you').count()).toBe(0)
    await page.locator('.tandem-offers').getByRole('button', { name: 'Accept…' }).click()
    await modal(page).getByRole('button', { name: 'Accept' }).click()
    await page.waitForFunction(() => g.face.offers.length === 0)
    expect(await calls(page)).toEqual(['decline id-of-Boat', 'accept id-of-Boat Boat', 'take up id-of-Boat'])
  })

  it('[S5] that is taken back later says so, and that the files stay', async () => {
    const page = await openShared()
    await page.evaluate(() => {
      g.face.shares = g.face.shares.map((share) => (share.title === 'Recipes' ? { ...share, access: null } : share))
      g.face.changed()
    })
    await page
      .locator('.notice', {
        hasText: 'Bob’s laptop no longer shares “Recipes” with you. Its files stay in “From Bob/Recipes”.',
      })
      .waitFor()
    expect(await page.locator('.notice', { hasText: 'Choir' }).count()).toBe(0) // was so before
  })
})

describe('a link to a folder', () => {
  it('[P1] asks where the folder goes before anything is connected, and suggests a name that is free', async () => {
    const page = await openGallery({ peers: 'none' })
    await page.evaluate(() => g.openLink(g.folderLink.replace('title=Plan', 'title=Archive')))
    await opened(page, 'Sync this vault?')
    expect(await modal(page).textContent()).toContain('offers to share the folder “Archive” with this vault')
    await page.getByRole('button', { name: 'Connect' }).click()
    await opened(page, 'Where does the folder go?')
    expect(await page.getByLabel('Put it into').inputValue()).toBe('Archive 2')
    await page.getByLabel('Put it into').fill('Archive')
    expect(await page.getByRole('button', { name: 'Connect' }).isDisabled()).toBe(true)
    await page.getByLabel('Put it into').fill('From others/Plan')
    expect(await calls(page)).toEqual([])
    await page.keyboard.press('Enter')
    await opened(page, 'Join a device')
    expect(await calls(page)).toEqual(['join Writing desk into From others/Plan'])
    await page.evaluate(() => g.face.pair())
    await opened(page, 'Device joined')
  })
})

describe('what may only be read', () => {
  it('[S5] is said in the status and at the device, of the whole vault too', async () => {
    const page = await openShared()
    const status = page.locator('.status-bar-item')
    expect(await status.getAttribute('aria-label')).toBe(
      'Connected to 2 of 3 devices, and up to date with them. What is changed in “From Bob/Recipes” stays here: Bob’s laptop lets this device only read it.',
    )
    await page.evaluate(() => {
      g.face.shares = []
      g.face.readOnlyOf = g.face.peers[0]!.id
      g.face.changed()
    })
    expect(await status.getAttribute('aria-label')).toMatch(
      / Laptop lets this device only read: what is changed here stays here\.$/,
    )
    expect((await texts(page, '.tandem-devices .setting-items .setting-item-description'))[0]).toBe(
      'Connected on the local network · up to date · takes no changes of this device',
    )
  })
})

describe('what arrived and is written', () => {
  it('[E9] is told beside the transfer, and after it', async () => {
    const page = await openGallery()
    await page.evaluate(() => {
      g.settings()
      g.face.writing(3, 12)
    })
    const status = page.locator('.status-bar-item')
    const progress = row(page, 'Bringing the devices in step').locator('.setting-item-description')
    expect(await status.getAttribute('aria-label')).toBe('Syncing 12 of 40 files. Written here: 3 of 12 files.')
    expect(await progress.textContent()).toMatch(/^12 of 40 files · .* · writing 3 of 12 files into the vault$/)
    await page.evaluate(() => g.face.idle(g.face.peers[1]!))
    expect(await status.textContent()).toBe('Writing 3 of 12')
    expect(await progress.textContent()).toBe('Writing 3 of 12 files into the vault')
  })
})
