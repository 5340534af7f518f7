/** Opens the look-alike in a real Chromium. For tests and pictures; nothing of it runs in Obsidian. */
import { build } from 'esbuild'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from '../chromium.ts'

const here = process.env.TANDEM_ROOT ? join(process.env.TANDEM_ROOT, 'test/support/obsidian') : import.meta.dirname
const root = join(here, '../../..')

/** @throws Error that says what to do when there is no Chromium. */
export function openBrowser(): Promise<Browser> {
  return launchChromium(['--force-color-profile=srgb'])
}

/** One script of an entry file, in which `obsidian` is the look-alike. */
export async function bundleForBrowser(entry: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [join(here, entry)],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    minifySyntax: true,
    alias: { obsidian: join(here, 'web-obsidian.ts') },
    define: { 'process.env.NODE_ENV': '"test"' },
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}

export interface Look {
  readonly theme?: 'light' | 'dark'
  readonly phone?: boolean
  readonly width?: number
  readonly height?: number
}

export interface OpenedPage {
  readonly page: Page
  /** What went wrong in the page so far: exceptions, and what was written to the console as an error. */
  readonly errors: string[]
}

const ORIGIN = 'http://localhost:8079'
const PHONE = { width: 390, height: 780 }
const DESK = { width: 900, height: 760 }

/** A window of the app, empty but for its frame, with the script loaded. */
export async function openAppPage(browser: Browser, script: string, look: Look = {}): Promise<OpenedPage> {
  const size = look.phone ? PHONE : DESK
  const context = await browser.newContext({
    viewport: { width: look.width ?? size.width, height: look.height ?? size.height },
    timezoneId: 'UTC',
    locale: 'en-GB',
    reducedMotion: 'reduce',
    hasTouch: look.phone ?? false,
  })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text())
  })
  const css = [join(here, 'web-look.css'), join(root, 'styles.css')]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
  const classes = `theme-${look.theme ?? 'light'}${look.phone ? ' is-mobile is-phone' : ''}`
  const body =
    `<!doctype html><html lang="en"><head><title>Look-alike</title><style>${css}</style></head><body class="${classes}">` +
    '<div class="app"><div class="workspace-ribbon"></div><main class="workspace"></main></div><div class="status-bar"></div></body></html>'
  // Answered here, nothing goes out: an origin of its own has IndexedDB, the clipboard and WebCrypto, as in the app.
  await page.route(`${ORIGIN}/**`, (route) => route.fulfill({ body, contentType: 'text/html; charset=utf-8' }))
  await page.goto(`${ORIGIN}/`)
  await page.addScriptTag({ content: script })
  return { page, errors }
}
