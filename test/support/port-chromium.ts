/** A real Chromium in which a page runs the transport contract against another page, or against this process. */
import { build } from 'esbuild'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { launchChromium } from './chromium.ts'
import type { MessagePortLike } from '../../src/adapters/port/message-port-like.ts'
import type { PortKind, PortPage } from './port-page.ts'
import { serveTransports } from './port-remote.ts'
import { PortSide } from './port-side.ts'
import { SocketServer } from './port-sockets.ts'

declare const portPage: PortPage

/** Of what the suite itself says to the transports in this process, bytes. */
const MAX_WIRE_MESSAGE = 16 * 1024 * 1024

/** The tests of one page. */
export interface PortSuite {
  readonly titles: readonly string[]
  /** @throws Error with the page's own account when the test fails. */
  run(title: string): Promise<void>
}

export class PortChromium {
  readonly #browser: Browser
  readonly #pages: Server
  readonly #sockets = new SocketServer()
  readonly #wires = new SocketServer(MAX_WIRE_MESSAGE)

  private constructor(browser: Browser, pages: Server) {
    this.#browser = browser
    this.#pages = pages
  }

  static async launch(): Promise<PortChromium> {
    // A data channel may go over the loopback, where there is nothing else.
    const [browser, script] = await Promise.all([launchChromium(['--allow-loopback-in-peer-connection']), bundle()])
    const html = `<!doctype html><meta charset="utf-8"><script>${script.replaceAll('</script', '<\\/script')}</script>`
    // From a server, because a page from elsewhere may not connect to the loopback; which is secure enough for Web Crypto.
    const pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html))
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
    return new PortChromium(browser, pages)
  }

  async open(kind: PortKind): Promise<PortSuite> {
    // Without it WebRTC asks for the way to the internet instead of for the addresses of the machine, and here is none.
    const context = await this.#browser.newContext({ permissions: ['microphone'] })
    const page: Page = await context.newPage()
    await page.goto(`http://127.0.0.1:${(this.#pages.address() as AddressInfo).port}/`)
    await page.evaluate(([kind, url]) => portPage.start(kind, url), [kind, await this.#serve()] as const)
    return {
      titles: await page.evaluate(() => portPage.collect()),
      async run(title) {
        const failure = await page.evaluate((title) => portPage.run(title), title)
        if (failure !== null) throw new Error(failure)
      },
    }
  }

  async close(): Promise<void> {
    await this.#browser.close()
    this.#pages.closeAllConnections()
    await Promise.all([
      this.#sockets.close(),
      this.#wires.close(),
      new Promise((resolve) => this.#pages.close(resolve)),
    ])
  }

  /** Transports in this process, reached through one server, and told what to do through the other. Gives the URL for that. */
  #serve(): Promise<string> {
    return this.#wires.expect((wire) => {
      const dial = async (address: string, resolve: (port: MessagePortLike) => void) =>
        tell('dial', { address, url: await this.#sockets.expect(resolve) })
      const side: PortSide = new PortSide((address) => new Promise((resolve) => void dial(address, resolve)))
      const tell = serveTransports(wire, {
        open: (name) => side.open(name),
        dispose: () => side.dispose(),
        ask: (_, name) => this.#sockets.expect((port) => side.take(name as string, port)),
      })
    })
  }
}

async function bundle(): Promise<string> {
  const here = import.meta.dirname
  const { outputFiles } = await build({
    entryPoints: [join(here, 'port-page.ts')],
    bundle: true,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2022',
    alias: { vitest: join(here, 'port-vitest.ts') },
    inject: [join(here, 'port-buffer.ts')],
    logLevel: 'error',
  })
  return outputFiles[0]!.text
}
