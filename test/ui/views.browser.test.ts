import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { useGallery } from '../support/obsidian/gallery-page.ts'
import type { Gallery } from '../support/obsidian/gallery.ts'

declare const g: Gallery

const openGallery = useGallery()

const NOTE = 'Projects/Garden.md'
const COPY = 'Projects/Garden (conflict Studio 2026-11-21 1512).md'

async function openConflict(options = {}): Promise<Page> {
  const page = await openGallery(options)
  await page.evaluate(() => g.command('show-conflicts'))
  await page.getByRole('button', { name: 'Garden' }).click()
  await page.locator('.tandem-diff-head', { hasText: 'Studio' }).waitFor()
  return page
}

const read = (page: Page, path: string) => page.evaluate((path) => g.read(path), path)
const press = (page: Page, name: string) => page.getByRole('button', { name }).click()
const settled = (page: Page) => page.getByText('Settled: Garden.').waitFor()

describe('conflicts', () => {
  it('shows both texts side by side, with the differences marked', async () => {
    const page = await openConflict()
    expect(await page.locator('.tandem-diff-head').textContent()).toBe('This noteStudio, 2026-11-21 15:12')
    expect(await page.locator('.tandem-diff-left').allTextContents()).toEqual([
      '−- South: tomatoes and basil',
      '−- Three bags of compost',
    ])
    expect(await page.locator('.tandem-diff-right').allTextContents()).toEqual([
      '+- South: peppers',
      '+- Two bags of compost',
      '+- Watering can',
    ])
  })

  it('shows one below the other on a phone, and equal lines once', async () => {
    const page = await openConflict({ phone: true })
    const [left, right] = [page.locator('.tandem-diff-left').first(), page.locator('.tandem-diff-right').first()]
    const [above, below] = [await left.boundingBox(), await right.boundingBox()]
    expect(below!.y).toBeGreaterThan(above!.y)
    expect(await page.locator('.tandem-diff-twin').first().isVisible()).toBe(false)
    const width = await page.evaluate(() => document.documentElement.scrollWidth)
    expect(width).toBe(390)
  })

  it('[V6] keeps this note: the copy goes to the trash', async () => {
    const page = await openConflict()
    const before = await read(page, NOTE)
    await press(page, 'Keep this note')
    await settled(page)
    expect([await read(page, NOTE), await read(page, COPY)]).toEqual([before, null])
    expect(await page.locator('.tandem-item').count()).toBe(1)
  })

  it('[V6] keeps the other text: it stands in the note, the copy is in the trash', async () => {
    const page = await openConflict()
    const other = await read(page, COPY)
    await press(page, 'Keep the text of Studio')
    await settled(page)
    expect([await read(page, NOTE), await read(page, COPY)]).toEqual([other, null])
  })

  it('[V6] keeps both as notes', async () => {
    const page = await openConflict()
    const [one, other] = [await read(page, NOTE), await read(page, COPY)]
    await press(page, 'Keep both as notes')
    await settled(page)
    expect([await read(page, NOTE), await read(page, 'Projects/Garden (Studio).md')]).toEqual([one, other])
  })

  it('[V6] joins both in an editor, by keyboard', async () => {
    const page = await openConflict()
    await page.getByRole('button', { name: 'Join and edit…' }).focus()
    await page.keyboard.press('Enter')
    const editor = page.getByLabel('Text of Garden')
    expect(await editor.inputValue()).toContain('- South: tomatoes and basil\n- South: peppers\n')
    await page.keyboard.press('Control+End')
    await page.keyboard.type('Done.')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await settled(page)
    expect(await read(page, NOTE)).toMatch(/- South: tomatoes and basil\n- South: peppers\n[^]*Done\.$/)
    expect(await read(page, COPY)).toBeNull()
  })

  it('Escape leaves the editor, and nothing is done', async () => {
    const page = await openConflict()
    const before = await read(page, NOTE)
    await press(page, 'Join and edit…')
    await page.keyboard.press('Escape')
    expect(await page.locator('.tandem-diff').isVisible()).toBe(true)
    expect(await read(page, NOTE)).toBe(before)
  })

  it('keeps a text that somebody works on while they look elsewhere', async () => {
    const page = await openConflict()
    await press(page, 'Join and edit…')
    await page.getByLabel('Text of Garden').fill('My own words.\n')
    await press(page, 'Inbox')
    await page.locator('.tandem-diff-head', { hasText: 'Laptop' }).waitFor()
    await press(page, 'Garden')
    await press(page, 'Go on editing…')
    expect(await page.getByLabel('Text of Garden').inputValue()).toBe('My own words.\n')
    await press(page, 'Save this text')
    await settled(page)
    expect(await read(page, NOTE)).toBe('My own words.\n')
  })

  it('[E1] does not save an edited text over what came meanwhile', async () => {
    const page = await openConflict()
    await press(page, 'Join and edit…')
    await page.getByLabel('Text of Garden').fill('My own words.\n')
    await page.evaluate((note) => g.write(note, 'Edited meanwhile.\n'), NOTE)
    await press(page, 'Inbox')
    await page.locator('.tandem-diff-head', { hasText: 'Laptop' }).waitFor()
    await press(page, 'Garden')
    await press(page, 'Go on editing…')
    await press(page, 'Save this text')
    await page.getByText('One of the two changed meanwhile').waitFor()
    expect(await read(page, NOTE)).toBe('Edited meanwhile.\n')
    expect(await read(page, COPY)).not.toBeNull()
  })

  it.each(['Keep this note', 'Keep the text of Studio', 'Keep both as notes'])(
    '[E1] does nothing when a text is not any more what was shown: %s',
    async (choice) => {
      const page = await openConflict()
      await page.evaluate((note) => g.write(note, 'Edited meanwhile.\n'), NOTE)
      await press(page, choice)
      await page.getByText('One of the two changed meanwhile').waitFor()
      expect(await read(page, NOTE)).toBe('Edited meanwhile.\n')
      expect(await read(page, COPY)).not.toBeNull()
      expect(await page.locator('.tandem-diff-left').first().textContent()).toContain('Edited meanwhile.')
    },
  )

  it('says so when there is none, and tells of a new one', async () => {
    const page = await openConflict()
    await press(page, 'Keep this note')
    await settled(page)
    await press(page, 'Keep this note')
    await page.getByText('There are no conflicts.').waitFor()
    await page.evaluate(async () => {
      await g.app.vault.create('Inbox (conflict Studio 2026-11-21 1519).md', 'Call her.\n')
      g.face.changed()
    })
    await page.getByRole('button', { name: 'Inbox' }).waitFor()
    expect(await page.locator('.notice').textContent()).toContain('1 note was changed on two devices at once')
  })
})

describe('the version history', () => {
  async function openHistory(): Promise<Page> {
    const page = await openGallery({ history: true })
    await page.evaluate(() => {
      g.app.workspace.activeFile = g.note
      g.command('show-history')
    })
    await page.locator('.tandem-item').first().waitFor()
    return page
  }

  it('lists the versions of the open note, and compares one with now', async () => {
    const page = await openHistory()
    expect(await page.locator('h2').textContent()).toBe('History of Garden')
    expect(await page.locator('.tandem-item .tandem-hint').allTextContents()).toEqual([
      expect.stringMatching(/^Writing desk · 7 minutes ago$/),
      expect.stringMatching(/^Laptop · /),
      expect.stringMatching(/^Studio · /),
      'Writing desk · first version',
    ])
    await page.getByText('This is what the note holds now.').waitFor()
    await page.locator('.tandem-item').nth(1).focus()
    await page.keyboard.press('Enter')
    await page.locator('.tandem-diff').waitFor()
    expect(await page.locator('.tandem-diff-left').allTextContents()).toEqual([
      '−- South: tomatoes',
      '−- Two bags of compost',
    ])
    await press(page, 'Text only')
    expect(await page.locator('.tandem-text').textContent()).toContain('# Garden plan')
  })

  it('[V6] restores a version by keyboard, and the one before stays in the list', async () => {
    const page = await openHistory()
    await page.locator('.tandem-item').nth(3).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Restore this version' }).focus()
    await page.keyboard.press('Enter')
    await page.getByText('Restored: Garden.').waitFor()
    expect(await page.evaluate(() => g.readOnDisk(g.note))).toContain('- East: empty')
    expect(await page.locator('.tandem-item').count()).toBe(5)
  })

  it('brings a deleted note back', async () => {
    const page = await openHistory()
    await press(page, 'Deleted notes')
    await page.getByRole('button', { name: 'Old idea' }).click()
    await page.locator('.tandem-text', { hasText: 'A garden on the roof.' }).waitFor()
    await press(page, 'Restore this note')
    await page.getByText('Restored: Old idea.').waitFor()
    expect(await page.evaluate(() => g.readOnDisk('Old idea.md'))).toBe('A garden on the roof.\n')
  })
})

describe('an error that lasts', () => {
  it('is told once, and not before it has lasted a minute', async () => {
    const page = await openGallery()
    const notices = () => page.locator('.notice').allTextContents()
    await page.evaluate(() => {
      g.face.condition = { kind: 'failed', message: 'This vault is open in another window.' }
      g.face.changed()
      g.pass(59_000)
    })
    expect(await notices()).toEqual([])
    await page.evaluate(() => {
      g.pass(1_000)
      g.pass(60_000)
    })
    expect(await notices()).toEqual(['This vault is open in another window.Settings'])
  })
})
