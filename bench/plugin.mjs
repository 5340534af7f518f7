/**
 * The plugin in a real Chromium: what it costs to have it, and whether it ever keeps the window from drawing the next frame. Needs
 * Chromium (Debian: apt install chromium; or named in the variable CHROMIUM).
 */
import { build } from 'esbuild'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { median, quantile, sleep } from './kit.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const ORIGIN = 'http://localhost:8080'
const APPLIED = 1000
/** Edits of more than a fifth of the vault would be asked about first (E3). */
const appliedOf = (notes) => Math.min(APPLIED, 2 * Math.floor(notes / 10))
const RECEIVED_MB = 100
const KEYS_MS = 60
/** What the issue asks for. */
const FRAME_MS = 16
const ONLOAD_MS = 50
const MAX_BYTES = 1_000_000

async function bundle(entry, options) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    minify: process.env.BENCH_READABLE === undefined,
    platform: 'browser',
    target: 'es2022',
    external: [...builtinModules, 'node:*'],
    define: { 'import.meta.url': 'undefined', 'process.env.NODE_ENV': '"production"' },
    logLevel: 'error',
    ...options,
  })
  return outputFiles[0].text
}

const lookAlike = { alias: { obsidian: join(root, 'test/support/obsidian/web-obsidian.ts') } }

export async function openChromium() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
  if (!existsSync(executablePath)) throw new Error(`there is no Chromium at ${executablePath}: apt install chromium`)
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

/** A window with the script in it, on an origin of its own, whose databases are empty. */
export async function openPage(browser, script) {
  const page = await (await browser.newContext()).newPage()
  page.on('pageerror', (error) => console.error(`the page: ${error.message}`))
  const body =
    '<!doctype html><body><div class="workspace-ribbon"></div><main class="workspace"></main><div class="status-bar"></div>'
  await page.route(`${ORIGIN}/**`, (route) => route.fulfill({ body, contentType: 'text/html' }))
  await page.goto(`${ORIGIN}/`)
  await page.addScriptTag({ content: script })
  return page
}

/** `main.js` as it is released. */
function released() {
  const outdir = mkdtempSync(join(tmpdir(), 'tandem-bench-release-'))
  try {
    execFileSync(process.execPath, [join(root, 'esbuild.config.mjs'), '--release', `--outdir=${outdir}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    return readFileSync(join(outdir, 'main.js'), 'utf8')
  } finally {
    rmSync(outdir, { recursive: true, force: true })
  }
}

export async function buildScripts() {
  const main = released()
  const [boot, page, peer] = await Promise.all([
    bundle('test/support/obsidian/web-boot.ts', { ...lookAlike, format: 'iife' }),
    bundle('bench/plugin/page.ts', { ...lookAlike, format: 'iife' }),
    bundle('bench/plugin/peer.ts', { format: 'iife' }),
  ])
  return { main, boot, page, peer }
}

/** How long a window takes that has just opened until it has nothing more to do, ms. */
const QUIET_MS = 100

/**
 * From the text of main.js to the layout being ready, in a window that has just opened: `cpu`, what the thread did, by its own clock;
 * the parts by the wall clock. ms.
 */
async function loadOnce(browser, { main, boot }) {
  const page = await openPage(browser, boot)
  const manifest = JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8'))
  await page.evaluate((given) => void (globalThis.given = given), {
    code: main,
    manifest: { ...manifest, dir: '.obsidian/plugins/tandem-sync' },
  })
  await sleep(QUIET_MS)
  await browser.startTracing(page, { categories: ['-*', 'blink.user_timing'] })
  const times = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve)) // a task of its own
    performance.mark('boot-begins')
    const { times } = globalThis.bootPlugin(globalThis.given)
    performance.mark('boot-ends')
    return times
  })
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString())
  await page.context().close()
  const at = (mark) => traceEvents.find(({ name }) => name === mark).tts / 1000
  return { ...times, wall: times.read + times.evaluate + times.load, cpu: at('boot-ends') - at('boot-begins') }
}

/**
 * Every task of the page's thread meanwhile, by the CPU time that the thread had: what else the machine does hides in the wall clock.
 * `longest`, and how many took longer than a frame. ms.
 */
async function tracing(browser, page, work) {
  await browser.startTracing(page, { categories: ['-*', 'toplevel'] })
  const result = await work()
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString())
  const threads = new Set()
  for (const { name, args, pid, tid } of traceEvents)
    if (name === 'thread_name' && args.name === 'CrRendererMain') threads.add(`${pid} ${tid}`)
  const tasks = []
  for (const { name, tdur, pid, tid } of traceEvents)
    if (name === 'ThreadControllerImpl::RunTask' && tdur && threads.has(`${pid} ${tid}`)) tasks.push(tdur / 1000)
  return { result, tasks: { longest: Math.max(0, ...tasks), over: tasks.filter((ms) => ms > FRAME_MS).length } }
}

/** Types while something else goes on. */
async function typeDuring(page, work) {
  await page.evaluate(() => globalThis.bench.startTyping())
  let over = false
  const done = work().finally(() => (over = true))
  while (!over) {
    await page.keyboard.press('e')
    await sleep(KEYS_MS)
  }
  const result = await done
  return { ...result, latencies: await page.evaluate(() => globalThis.bench.endTyping()) }
}

/** One life of a vault: `onStep` hears of each part as it ends. */
export async function runOnce(browser, scripts, notes, onStep = async () => undefined) {
  const page = await openPage(browser, scripts.page)
  const found = {}
  const step = async (name, work) => {
    const { result, tasks } = await tracing(browser, page, work)
    found[name] = { ...result, tasks }
    await onStep(name, found[name], page)
  }
  await page.evaluate((count) => globalThis.bench.makeNotes(count), notes)
  await step('idle', () => page.evaluate(() => globalThis.bench.idle(3000)))
  await page.evaluate(() => globalThis.bench.load())
  await step('scan', () => page.evaluate((count) => globalThis.bench.start(count), notes))
  await page.evaluate(() => globalThis.bench.stop())
  await page.evaluate(() => globalThis.bench.load())
  await step('rescan', () => page.evaluate((count) => globalThis.bench.start(count), notes))
  await page.evaluate(() => globalThis.bench.stop())
  await page.evaluate((peer) => globalThis.bench.openPeer(peer), scripts.peer)
  await page.evaluate(() => globalThis.bench.load())
  await page.evaluate((count) => globalThis.bench.start(count), notes)
  await step('send', () => page.evaluate((count) => globalThis.bench.peerSettled(count), notes))
  await step('apply', () =>
    page.evaluate(([count, known]) => globalThis.bench.applyNotes(count, known), [appliedOf(notes), notes]),
  )
  await step('typing', () => typeDuring(page, () => page.evaluate(() => globalThis.bench.idle(6000))))
  const known = notes + appliedOf(notes) / 2
  await step('receive', () =>
    typeDuring(page, () =>
      page.evaluate(([size, known]) => globalThis.bench.receive(size, known), [RECEIVED_MB, known]),
    ),
  )
  await page.context().close()
  return found
}

export async function plugin({ options }) {
  const scripts = await buildScripts()
  const browser = await openChromium()
  try {
    const loads = []
    const runs = []
    for (let i = 0; i < 5 * options.rounds; i++) loads.push(await loadOnce(browser, scripts))
    for (let i = 0; i < options.rounds; i++) runs.push(await runOnce(browser, scripts, options.notes))
    return rows(Buffer.byteLength(scripts.main), loads, runs, options)
  } finally {
    await browser.close()
  }
}

function rows(bytes, loads, runs, { notes }) {
  const middle = (key, of) => median(runs.map((run) => of(run[key])))
  const stall = (what, key) => {
    const beats = (key) =>
      `${middle(key, ({ longest }) => longest).toFixed(0)} ms, ${middle(key, ({ over }) => over)} x`
    return {
      what: `longest task: ${what}`,
      unit: 'ms',
      value: middle(key, ({ tasks }) => tasks.longest),
      beside: { name: 'nothing to do', value: middle('idle', ({ tasks }) => tasks.longest) },
      aim: { most: FRAME_MS },
      note:
        `${middle(key, ({ tasks }) => tasks.over)} above ${FRAME_MS} ms of CPU in ${(middle(key, ({ ms }) => ms) / 1000).toFixed(1)} s; ` +
        `by the wall clock a heartbeat was late by ${beats(key)} (${beats('idle')}), ${middle(key, ({ longTasks }) => longTasks)} long tasks`,
    }
  }
  const typed = (key, q) => median(runs.map((run) => quantile(run[key].latencies, q)))
  const typing = (name, q) => ({
    what: `keystroke while ${RECEIVED_MB} MB come in, ${name}`,
    unit: 'ms',
    value: typed('receive', q),
    beside: { name: 'nothing comes in', value: typed('typing', q) },
  })
  const loaded = (part) => median(loads.map((times) => times[part])).toFixed(1)
  return [
    { what: 'main.js, as released', unit: 'bytes', value: bytes, aim: { most: MAX_BYTES } },
    {
      what: 'before the layout is ready',
      unit: 'ms',
      value: median(loads.map(({ cpu }) => cpu)),
      aim: { most: ONLOAD_MS },
      note:
        `of CPU, the quickest of ${loads.length} times ${Math.min(...loads.map(({ cpu }) => cpu)).toFixed(1)}; by the wall clock ` +
        `${loaded('wall')}: reading the file ${loaded('read')}, running it ${loaded('evaluate')}, onload ${loaded('load')}`,
    },
    stall(`first scan and commit of ${notes} notes`, 'scan'),
    stall('the next start, nothing changed', 'rescan'),
    stall(`sending ${notes} notes`, 'send'),
    stall(`applying ${appliedOf(notes)} notes`, 'apply'),
    stall(`receiving ${RECEIVED_MB} MB`, 'receive'),
    typing('half of them within', 0.5),
    typing('99 of 100 within', 0.99),
  ]
}
