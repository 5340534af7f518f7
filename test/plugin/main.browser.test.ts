import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DEVICE_KEY_ID } from '../../src/adapters/obsidian/device-key.ts'
import type { StoreError } from '../../src/ports/errors.ts'
import { BootPage, DESKTOP, PHONE, type InPage, type PageOptions } from '../support/obsidian/boot-page.ts'
import type { QuickVault } from '../support/obsidian/quick-vault.ts'
import { bundleForBrowser, openBrowser, type Look } from '../support/obsidian/web-page.ts'

declare const tandem: InPage

const FILES = { 'Note.md': 'one note\n', 'Folder/Below.md': 'ä note below\n', 'Folder/Empty.md': '' }
const SECRETS = { [DEVICE_KEY_ID]: '7'.repeat(64) }

let browser: Browser
let script: string
const open: BootPage[] = []
beforeAll(async () => {
  ;[browser, script] = await Promise.all([openBrowser(), bundleForBrowser('web-boot.ts')])
}, 120_000)
afterAll(() => browser?.close())
afterEach(async () => {
  await Promise.all(open.splice(0).map((page) => page.close()))
})

async function openPage(look?: Look): Promise<BootPage> {
  const page = await BootPage.open(browser, script, look)
  open.push(page)
  return page
}

async function boot(options: PageOptions = {}, look?: Look): Promise<BootPage> {
  const page = await openPage(look)
  await page.boot({ files: FILES, secrets: SECRETS, ...options })
  return page
}

/** The head's files as they lie in the history, each object checked against its name as git makes it. */
function readHistory({ page }: BootPage): Promise<{ head: string; parents: number; files: Record<string, string> }> {
  return page.evaluate(async () => {
    const { repository } = tandem.plugin.host.share!
    const { objects } = repository
    const head = repository.ownHead()!
    type Oid = typeof head
    const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
    const sound = async (oid: Oid) => {
      const { type, content } = await objects.read(oid)
      const header = new TextEncoder().encode(`${type} ${content.length}\0`)
      const whole = new Uint8Array([...header, ...content])
      const sum = hex(new Uint8Array(await crypto.subtle.digest('SHA-1', whole)))
      if (sum !== oid) throw new Error(`the object ${oid} is ${sum}`)
      return content
    }
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
    const files: Record<string, string> = {}
    const walk = async (tree: Oid, prefix: string): Promise<void> => {
      const content = await sound(tree)
      for (let at = 0; at < content.length;) {
        const end = content.indexOf(0, at)
        const [mode, name] = text(content.subarray(at, end)).split(/ (.*)/s) as [string, string]
        const oid = hex(content.subarray(end + 1, end + 21)) as Oid
        if (mode === '40000') await walk(oid, `${prefix}${name}/`)
        else files[prefix + name] = text(await sound(oid))
        at = end + 21
      }
    }
    const commit = text(await sound(head))
    await walk(/^tree ([0-9a-f]{40})$/m.exec(commit)![1] as Oid, '')
    return { head, parents: commit.match(/^parent /gm)?.length ?? 0, files }
  })
}

const condition = ({ page }: BootPage) => page.evaluate(() => tandem.plugin.host.condition)
const asked = ({ page }: BootPage) => page.evaluate(() => [...new Set(tandem.asked)].sort())

describe.each([
  ['a desktop whose plugins have no Node', DESKTOP, {}],
  ['a phone', PHONE, { phone: true }],
] as const)('the built main.js on %s', (_name, platform, look) => {
  it('asks for nothing but Obsidian’s own modules, and says that it cannot sync by itself', async () => {
    const page = await boot({ platform }, look)
    expect(await asked(page)).toEqual(['@codemirror/state', 'obsidian'])
    expect(await condition(page)).toEqual({
      kind: 'offline',
      reason: 'unsupported',
      message: expect.stringMatching(/^There is no network component for this kind of device yet, so .*\.$/) as string,
    })
    expect(page.errors).toEqual([])
  })

  it('keeps the vault’s history in IndexedDB, also when the window is opened anew', async () => {
    const page = await boot({ platform }, look)
    const before = await readHistory(page)
    expect(before).toMatchObject({ parents: 0, files: FILES })
    await page.reload()
    await page.boot({ files: FILES, secrets: SECRETS, platform })
    expect(await readHistory(page)).toEqual(before)
    await page.reload()
    await page.boot({ files: { ...FILES, 'Note.md': 'changed while closed\n' }, secrets: SECRETS, platform })
    const after = await readHistory(page)
    expect(after).toMatchObject({ parents: 1, files: { 'Note.md': 'changed while closed\n' } })
    expect(page.errors).toEqual([])
  })
})

describe('the browser’s storage', () => {
  it('was wiped: the vault is taken up anew, and nothing in it is touched', async () => {
    const page = await boot()
    await page.page.evaluate(async () => {
      tandem.plugin.unload()
      await tandem.plugin.host.stop()
      for (const { name } of await indexedDB.databases()) indexedDB.deleteDatabase(name!)
    })
    await page.reload()
    await page.boot({ files: FILES, secrets: SECRETS })
    expect((await condition(page)).kind).toBe('offline')
    expect(await readHistory(page)).toMatchObject({ parents: 0, files: FILES })
    expect(await page.page.evaluate(() => tandem.app.vault.getFiles().length)).toBe(Object.keys(FILES).length)
  })

  it('is refused: that is told in a sentence', async () => {
    const page = await openPage()
    await page.page.evaluate(() => {
      indexedDB.open = () => {
        throw new DOMException('the user denied it', 'SecurityError')
      }
    })
    await page.boot({ files: FILES, secrets: SECRETS })
    expect(await condition(page)).toEqual({
      kind: 'failed',
      message: 'The history cannot be read. Restart Obsidian, then try again.',
    })
  })

  it('is full: that is known as such, and the history goes on when there is room', async () => {
    const page = await openPage()
    await page.page.evaluate(() => {
      const { put } = IDBObjectStore.prototype
      IDBObjectStore.prototype.put = () => {
        throw new DOMException('no room', 'QuotaExceededError')
      }
      Object.assign(globalThis, { makeRoom: () => (IDBObjectStore.prototype.put = put) })
    })
    await page.boot({ files: FILES, secrets: SECRETS })
    const code = await page.page.evaluate(() => (tandem.plugin.host.share!.lastError as StoreError).code)
    expect(code).toBe('disk-full') // errorSentence has the words
    await page.page.evaluate(async () => {
      ;(globalThis as unknown as { makeRoom(): void }).makeRoom()
      await tandem.plugin.host.syncNow()
    })
    expect(await readHistory(page)).toMatchObject({ files: FILES })
  })
})

describe('turned off', () => {
  it('[L9] leaves no listener, timer, element or database connection, twenty times over', async () => {
    const page = await openPage()
    await page.page.evaluate(() => {
      const timers = new Set<unknown>()
      const { setTimeout: start, clearTimeout: stop, setInterval: repeat, clearInterval: end } = window
      const global = window as unknown as Record<string, unknown>
      global.setTimeout = (run: () => void, ms?: number) => {
        const id = start(() => {
          timers.delete(id)
          run()
        }, ms)
        timers.add(id)
        return id
      }
      global.setInterval = (run: () => void, ms?: number) => {
        const id = repeat(run, ms)
        timers.add(id)
        return id
      }
      global.clearTimeout = (id: number) => (timers.delete(id), stop(id))
      global.clearInterval = (id: number) => (timers.delete(id), end(id))
      const listeners: unknown[] = []
      for (const target of [window, document, document.body] as EventTarget[]) {
        const add = target.addEventListener.bind(target)
        const remove = target.removeEventListener.bind(target)
        target.addEventListener = (type: string, run: never, options: never) => {
          listeners.push(run)
          add(type, run, options)
        }
        target.removeEventListener = (type: string, run: never, options: never) => {
          if (listeners.includes(run)) listeners.splice(listeners.indexOf(run), 1)
          remove(type, run, options)
        }
      }
      const left = () => ({
        hints: (tandem.app.vault as unknown as QuickVault).listenerCount,
        timers: timers.size,
        listeners: listeners.length,
        elements: document.querySelectorAll('body *').length,
      })
      Object.assign(globalThis, { left })
    })
    await page.boot({ files: FILES, secrets: SECRETS })
    const counts = await page.page.evaluate(async () => {
      const { left } = globalThis as unknown as { left(): object }
      const off = async (): Promise<object> => {
        tandem.plugin.unload()
        await tandem.plugin.host.stop()
        return left()
      }
      const running = left()
      const counts = [await off()]
      for (let i = 1; i < 20; i++) {
        Object.assign(globalThis, { tandem: tandem.again() })
        while (tandem.plugin.host.device?.isSettled !== true)
          await new Promise((resolve) => requestAnimationFrame(resolve))
        counts.push(await off())
      }
      return { running, counts }
    })
    expect(counts.counts).toHaveLength(20)
    expect([...new Set(counts.counts.map((left) => JSON.stringify(left)))]).toEqual([JSON.stringify(counts.counts[0])])
    expect(counts.counts[0]).toMatchObject({ hints: 0, timers: 0, listeners: 0 })
    expect(counts.running).not.toEqual(counts.counts[0]) // else nothing was counted
    const deleted = await page.page.evaluate(async () => {
      const names = (await indexedDB.databases()).map(({ name }) => name!)
      const end = (name: string) =>
        new Promise((resolve) => {
          const request = indexedDB.deleteDatabase(name)
          request.onsuccess = () => resolve('deleted')
          request.onblocked = () => resolve('blocked')
        })
      return Promise.all(names.map(end))
    })
    expect(new Set(deleted)).toEqual(new Set(['deleted']))
    expect(page.errors).toEqual([])
  }, 120_000)
})
