/** The gallery in a real browser, for tests: one browser per file of tests, one page per test. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect } from 'vitest'
import type { Gallery } from './gallery.ts'
import { bundleForBrowser, openAppPage, openBrowser, type Look, type OpenedPage } from './web-page.ts'

export interface GalleryOptions extends Look {
  readonly peers?: 'none' | 'few' | 'all'
  readonly history?: boolean
}

/**
 * For a file of tests: gives the function that opens the gallery. In the page it is the global `g`. A test fails when anything in
 * its page threw or wrote an error.
 */
export function useGallery(): (options?: GalleryOptions) => Promise<Page> {
  let browser: Browser | undefined
  let script = ''
  let opened: OpenedPage[] = []

  beforeAll(async () => {
    ;[browser, script] = await Promise.all([openBrowser(), bundleForBrowser('gallery.ts')])
  }, 120_000)
  afterAll(() => browser?.close())
  afterEach(async () => {
    const pages = opened
    opened = []
    await Promise.all(pages.map(({ page }) => page.context().close()))
    expect(pages.flatMap(({ errors }) => errors)).toEqual([])
  })

  return async ({ peers, history, ...look } = {}) => {
    const made = await openAppPage(browser!, script, look)
    opened.push(made)
    await made.page.evaluate(
      async (options) => {
        const { open } = globalThis.Gallery as { open(options: object): Promise<Gallery> }
        Object.assign(globalThis, { g: await open.call(globalThis.Gallery, options) })
      },
      { ...(peers ? { peers } : {}), ...(history ? { history } : {}) },
    )
    return made.page
  }
}
