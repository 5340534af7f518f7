/** Two peers that are in step: one edit, many edits, none, and a restart. */
import { appendFileSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { median, quantile, sleep, until } from './kit.mjs'
import { pairInStep } from './first-sync.mjs'
import { DEBOUNCE_MS } from './live-pair.mjs'

const BURST = 1000

export async function live(context) {
  const { options, vault } = context
  const pair = await pairInStep(context)
  const { a, b } = pair
  const notes = readdirSync(vault, { recursive: true }).filter((path) => path.endsWith('.md'))
  const pick = (n) => notes[(n * 7919) % notes.length]
  await sleep(1000)

  const edits = options.quick ? 4 : 20
  const latencies = []
  const before = await traffic(a, b)
  for (let n = 0; n < edits; n++) {
    const [from, to] = n % 2 ? [b, a] : [a, b]
    latencies.push(await oneEdit(from, to, pick(n), `\nEdit ${n}, for the latency.\n`))
    await sleep(2 * DEBOUNCE_MS)
  }
  await sleep(500)
  const after = await traffic(a, b)

  const burst = await manyEdits(
    a,
    b,
    Array.from({ length: Math.min(BURST, notes.length) }, (_, n) => pick(n)),
  )
  await sleep(3000)

  const seconds = options.quick ? 5 : 20
  const cpuBefore = [a.cpu(), b.cpu()]
  const idleBefore = await traffic(a, b)
  await sleep(seconds * 1000)
  const cpuAfter = [a.cpu(), b.cpu()]
  const idleAfter = await traffic(a, b)
  const idle =
    cpuBefore[0] === undefined ? undefined : median([0, 1].map((i) => ((cpuAfter[i] - cpuBefore[i]) / seconds) * 100))
  const peak = Math.max(a.peakMB() ?? NaN, b.peakMB() ?? NaN)

  await pair.stop()
  const start = performance.now()
  a.up()
  b.up()
  const inStep = Math.max(await a.whenInStep(), await b.whenInStep())
  const net = latencies.map((ms) => ms - DEBOUNCE_MS)
  return [
    {
      what: `one edit until it is in the other vault, median of ${edits}`,
      unit: 'ms',
      value: median(latencies),
      note: `debounce ${DEBOUNCE_MS} ms`,
    },
    { what: 'without the debounce', unit: 'ms', value: median(net), aim: { most: 60 } },
    { what: 'without the debounce, 95th percentile', unit: 'ms', value: quantile(net, 0.95) },
    {
      what: 'bytes on the link for it, both ways',
      unit: 'bytes',
      value: (after - before) / edits,
      aim: { most: 2048 },
    },
    {
      what: `burst of ${burst.count} edits until all are there`,
      unit: 'ms',
      value: burst.ms,
      note: `written within ${burst.writtenMs.toFixed(0)} ms, debounce included`,
    },
    { what: 'CPU at rest, of one core', unit: '%', value: idle, note: `over ${seconds} s` },
    { what: 'bytes at rest, both ways, per minute', unit: 'bytes', value: ((idleAfter - idleBefore) / seconds) * 60 },
    { what: 'peak memory so far, the larger one', unit: 'MB', value: peak, aim: { most: 300 } },
    { what: 'restart of both, nothing changed, until in step', unit: 'ms', value: inStep - start },
  ]
}

async function traffic(...peers) {
  let bytes = 0
  for (const peer of peers) for (const { traffic } of (await peer.status()).peers) bytes += traffic.bytesSent
  return bytes
}

/** Milliseconds from the write in one vault to the same bytes in the other; asks every millisecond. */
async function oneEdit(from, to, path, text) {
  appendFileSync(join(from.vault, path), text)
  const start = performance.now()
  const wanted = readFileSync(join(from.vault, path))
  const target = join(to.vault, path)
  await until(
    () => statSync(target, { throwIfNoEntry: false })?.size === wanted.length && readFileSync(target).equals(wanted),
    `the edit of ${path}`,
    { limit: 30_000 },
  )
  return performance.now() - start
}

async function manyEdits(from, to, paths) {
  const start = performance.now()
  const wanted = paths.map((path, n) => {
    appendFileSync(join(from.vault, path), `\nEdit ${n} of a burst.\n`)
    return [path, statSync(join(from.vault, path)).size]
  })
  const writtenMs = performance.now() - start
  for (const [path, size] of wanted)
    await until(() => statSync(join(to.vault, path), { throwIfNoEntry: false })?.size === size, `the edit of ${path}`, {
      limit: 60_000,
    })
  return { count: paths.length, ms: performance.now() - start, writtenMs }
}
