/** Takes the pictures of the documentation: each screen in light, dark, and as wide as a phone. Run by scripts/screenshots.mjs. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import pinned from '../../native-components.json' with { type: 'json' }
import type { Gallery } from '../support/obsidian/gallery.ts'
import { bundleForBrowser, openAppPage, openBrowser, type Look } from '../support/obsidian/web-page.ts'

declare const g: Gallery

interface Scene {
  readonly peers?: 'none' | 'few' | 'all'
  readonly history?: boolean
  /** Height of the window, px; the width is the look's. */
  readonly height: number
  readonly phoneHeight?: number
  readonly show: (page: Page) => Promise<unknown>
}

const SCENES: Readonly<Record<string, Scene>> = {
  devices: {
    height: 760,
    show: (page) =>
      page.evaluate(() => {
        g.settings()
        g.pass(6_000) // long enough to tell the time left
        g.face.transfer(g.face.peers[1]!.id, 12, 40)
      }),
  },
  shares: {
    height: 1080,
    peers: 'none',
    phoneHeight: 1250,
    show: (page) =>
      page.evaluate(() => {
        g.share()
        g.hideNotices()
        g.settings()
      }),
  },
  'share-folder': {
    height: 520,
    peers: 'none',
    show: async (page) => {
      await page.evaluate(() => {
        g.share({ offers: false })
        g.face.shares = g.face.shares.slice(1)
        g.screens.shareFolder('Projects/Plan')
      })
      await page.locator('.tandem-consequences').waitFor()
    },
  },
  pairing: { peers: 'none', height: 560, show: (page) => page.evaluate(() => g.command('add-device')) },
  comparison: {
    peers: 'none',
    height: 520,
    show: (page) =>
      page.evaluate(() => {
        g.command('add-device')
        g.face.ask('inviter', { kind: 'vaults', comparison: g.comparison })
      }),
  },
  conflicts: {
    height: 620,
    show: async (page) => {
      await page.evaluate(() => g.command('show-conflicts'))
      await page.getByRole('button', { name: 'Garden' }).click()
      await page.locator('.tandem-diff').waitFor()
    },
  },
  history: {
    history: true,
    height: 620,
    show: async (page) => {
      await page.evaluate(() => g.screens.openHistory(g.note))
      await page.locator('.tandem-item').nth(2).click()
      await page.locator('.tandem-diff').waitFor()
    },
  },
  activity: {
    height: 700,
    show: async (page) => {
      await page.evaluate(() => g.settings())
      await page.locator('.setting-item', { hasText: 'Activity log' }).click()
      await page.locator('.tandem-log-row').first().waitFor()
    },
  },
}

async function showShare(page: Page, folder: string): Promise<void> {
  await page.evaluate(() => {
    g.share()
    g.hideNotices()
    g.settings()
  })
  await page.locator('.tandem-shares .setting-item', { hasText: folder }).click()
}

/** Screens of the guide, in light alone. */
const GUIDE: Readonly<Record<string, Scene>> = {
  'share-page': {
    height: 640,
    peers: 'none',
    show: (page) => showShare(page, 'Projects/Plan'),
  },
  'share-accept': {
    height: 460,
    peers: 'none',
    show: async (page) => {
      await page.evaluate(() => {
        g.share()
        g.hideNotices()
        g.screens.acceptOffer(g.face.offers[0]!)
      })
      await page.getByLabel('Put it into').waitFor()
    },
  },
  welcome: { height: 460, peers: 'none', show: (page) => page.evaluate(() => g.screens.welcome()) },
  component: {
    height: 560,
    peers: 'none',
    show: async (page) => {
      await page.evaluate((sha256) => {
        const offer = {
          file: 'iroh.darwin-arm64.node',
          bytes: 12_986_704,
          source: '@number0/iroh-darwin-arm64@1.1.0',
          sha256,
        }
        g.face.component = { ...g.face.component, condition: { kind: 'missing' }, offer }
        g.settings()
      }, pinned.builds['darwin-arm64'].sha256)
      await page.locator('.setting-item', { hasText: 'Advanced' }).click()
      await page.getByRole('button', { name: 'Install…' }).click()
    },
  },
  join: { peers: 'none', height: 460, show: (page) => page.evaluate(() => g.command('join-device')) },
  code: {
    peers: 'none',
    height: 460,
    show: (page) =>
      page.evaluate(() => {
        g.command('add-device')
        g.face.ask('inviter', { kind: 'code', code: '123456' })
      }),
  },
  peer: {
    height: 1130,
    show: async (page) => {
      await page.evaluate(() => g.settings())
      await page.locator('.setting-item', { hasText: 'Studio' }).first().click()
      await page.getByText('3 ahead, 12 behind').waitFor()
    },
  },
  menu: {
    height: 400,
    show: (page) => page.locator('.status-bar-item').evaluate((item) => (item as HTMLElement).click()),
  },
  consent: { height: 700, show: (page) => page.evaluate(() => g.askConsent()) },
}

/** Further screens, to be looked at and not shipped. */
const MORE: Readonly<Record<string, Scene>> = {
  'share-received': {
    height: 640,
    peers: 'none',
    show: (page) => showShare(page, 'Recipes'),
  },
  'share-join': {
    height: 460,
    peers: 'none',
    show: async (page) => {
      await page.evaluate(() => g.openLink(g.folderLink))
      await page.getByRole('button', { name: 'Connect' }).click()
      await page.getByLabel('Put it into').waitFor()
    },
  },
  'share-invite': {
    height: 560,
    show: async (page) => {
      await page.evaluate(() => g.screens.inviteToFolder({ share: 'id-of-Plan', title: 'Plan', grant: 'write' }))
      await page.locator('.tandem-link').waitFor()
    },
  },
  'share-notices': {
    height: 460,
    peers: 'none',
    show: (page) =>
      page.evaluate(() => {
        g.share({ offers: false })
        g.face.shares = g.face.shares.map((share) =>
          share.from && !share.access ? { ...share, access: 'read' } : share,
        )
        g.face.changed()
        g.share()
      }),
  },
  'devices-all': { peers: 'all', height: 1000, show: (page) => page.evaluate(() => g.settings()) },
  'devices-none': { peers: 'none', height: 700, show: (page) => page.evaluate(() => g.settings()) },
  advanced: {
    height: 1000,
    show: async (page) => {
      await page.evaluate(() => g.settings())
      await page.locator('.setting-item', { hasText: 'Advanced' }).click()
    },
  },
  traffic: {
    height: 700,
    show: async (page) => {
      await page.evaluate(() => g.settings())
      await page.locator('.setting-item', { hasText: 'Advanced' }).click()
      await page.locator('.setting-item', { hasText: 'Traffic in total' }).click()
      await page.getByText('of 3', { exact: false }).first().waitFor()
    },
  },
  failed: {
    height: 460,
    peers: 'none',
    show: (page) =>
      page.evaluate(async () => {
        g.command('add-device')
        g.face.fail('expired')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }),
  },
}

const LOOKS: Readonly<Record<string, Look>> = {
  light: { theme: 'light' },
  dark: { theme: 'dark' },
  phone: { theme: 'light', phone: true },
}

async function main(): Promise<void> {
  const [folder = 'docs/images', more, only] = process.argv.slice(2)
  mkdirSync(folder, { recursive: true })
  const scenes = more ? { ...SCENES, ...GUIDE, ...MORE } : { ...SCENES, ...GUIDE }
  const script = await bundleForBrowser('gallery.ts')
  const browser = await openBrowser()
  let bad = 0
  try {
    for (const [name, scene] of Object.entries(scenes)) {
      if (only && !name.startsWith(only)) continue
      for (const [lookName, look] of Object.entries(LOOKS)) {
        if (!more && name in GUIDE && lookName !== 'light') continue
        const height = look.phone ? (scene.phoneHeight ?? 780) : scene.height
        const { page, errors } = await openAppPage(browser, script, { ...look, height })
        const { peers, history } = scene
        await page.evaluate(
          async (options) => {
            const { open } = globalThis.Gallery as { open(options: object): Promise<unknown> }
            Object.assign(globalThis, { g: await open.call(globalThis.Gallery, options) })
          },
          { ...(peers ? { peers } : {}), ...(history ? { history } : {}) },
        )
        await scene.show(page)
        await page.evaluate(() => document.fonts.ready)
        writeFileSync(join(folder, `${name}-${lookName}.png`), await page.screenshot())
        for (const error of errors) console.error(`${name}-${lookName}: ${error}`)
        bad += errors.length
        await page.context().close()
      }
    }
  } finally {
    await browser.close()
  }
  if (bad > 0) process.exit(1)
}

await main()
