/**
 * Git's own protocol: our client and server, over TCP and over Iroh between two processes, beside stock git and its daemon on loopback.
 * Ours are in processes that run already and hold their repositories open, as a peer does; stock git starts a process for each side.
 */
import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import { Answering, copyFolder, median, run, settleDisk, sleep, until } from './kit.mjs'
import { rawRate } from './first-sync.mjs'
import { DEBOUNCE_MS, LivePair } from './live-pair.mjs'

const BEHIND = 1000
const KILO = 1024

export async function git(context) {
  const { options, work, bundles } = context
  const base = join(work, 'git')
  const commits = options.quick ? 50 : BEHIND
  const tips = await makeRepositories(context, base, commits)
  const daemon = await startDaemon(base)
  // Such as BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile'.
  const node = [process.execPath, ...(process.env.BENCH_NODE_OPTIONS?.split(' ') ?? [])]
  const server = new Answering([...node, bundles.gitPeer, 'serve', base])
  const client = new Answering([...node, bundles.gitPeer, 'fetch'])
  try {
    for (const name of ['history', 'notes', 'first']) await server.ask(name)
    const address = await server.ask('listen')
    const sides = {
      git: (path, into) => stockFetch(daemon.port, path, into),
      tcp: (path, into) => client.ask(JSON.stringify({ ...address, via: 'tcp', path: `/${path}`, into })),
      iroh: (path, into) => client.ask(JSON.stringify({ ...address, via: 'iroh', path: `/${path}`, into })),
    }
    const scene = { ...context, base, sides, port: daemon.port }
    const nothing = await measure(scene, { path: 'history', from: tips.newest, rounds: options.quick ? 1 : 9 })
    const edit = await measure(scene, {
      path: 'history',
      from: tips.before,
      to: tips.newest,
      rounds: options.quick ? 1 : 9,
    })
    const behind = await measure(scene, { path: 'history', from: tips.first, to: tips.newest })
    const clone = await measure(scene, { path: 'notes', to: tips.first })
    const unpacked = await measure(scene, { path: 'first', to: tips.first })
    const messages = await messagesOfAnEdit(context, base)
    const takeAndDrop = () =>
      client.ask(JSON.stringify({ ...address, via: 'iroh', path: '/notes', wants: [tips.first] }))
    const { raw, protocol } = await rates(takeAndDrop, bundles, options.rounds)
    return [
      {
        what: 'a pack over Iroh, taken and dropped',
        unit: 'MB/s',
        value: protocol,
        beside: { name: 'bare binding', value: raw },
        aim: { least: 0.9, x: true },
        note: 'the protocol alone; nothing is verified or stored',
      },
      ...rows('nothing new', nothing, { aims: { roundTrips: { most: 1 }, bytes: { most: KILO } } }),
      ...rows('one edit', edit, { aims: { bytes: { most: 2 * KILO } } }),
      {
        what: 'one edit, messages to a subscriber',
        unit: 'messages',
        value: messages,
        note: 'the edit, and that it is shown there (applied)',
      },
      ...rows(`${commits} commits behind`, behind, { raw }),
      ...rows(`clone of ${context.made.notes} notes, stored in one pack`, clone, { raw }),
      ...rows('the same, stored as the snapshot made it', unpacked, { raw }),
    ]
  } finally {
    await Promise.all([server.end(), client.end()])
    daemon.stop()
    rmSync(base, { recursive: true, force: true })
  }
}

/** MB/s of the bare binding, and of a pack that comes over the protocol, in turns. */
async function rates(takeAndDrop, bundles, rounds) {
  const takes = { raw: [], protocol: [] }
  for (let round = 0; round < rounds; round++) {
    takes.raw.push(await rawRate(bundles))
    const { received, ms } = await takeAndDrop()
    takes.protocol.push(received / 1000 / ms)
  }
  return { raw: median(takes.raw), protocol: median(takes.protocol) }
}

/**
 * `first`: the vault as our own snapshot stores it. `notes`: the same in one pack of stock git's. `history`: with so many commits more, of
 * one edit each.
 */
async function makeRepositories({ work, vault, bundles }, base, commits) {
  mkdirSync(base, { recursive: true })
  const state = join(work, 'git-state')
  const copy = join(work, 'git-source')
  await copyFolder(vault, copy)
  await run([process.execPath, bundles.inProcess, 'snapshot', copy, state])
  await copyFolder(join(state, 'repository.git'), join(base, 'first'))
  for (const folder of [copy, state]) rmSync(folder, { recursive: true })
  const inRepository = (name, ...args) => run(['git', '--git-dir', join(base, name), ...args])
  const text = async (...args) => (await inRepository(...args)).text.trim()
  const refs = (await text('first', 'for-each-ref', '--format=%(refname)')).split('\n')
  for (const ref of refs) if (ref !== 'refs/heads/main') await inRepository('first', 'update-ref', '-d', ref)
  await copyFolder(join(base, 'first'), join(base, 'notes'))
  await inRepository('notes', 'repack', '-a', '-d', '-q')
  await copyFolder(join(base, 'notes'), join(base, 'history'))
  await importEdits(join(base, 'history'), vault, commits + 1)
  await inRepository('history', 'repack', '-d', '-q')
  return {
    first: await text('notes', 'rev-parse', 'main'),
    before: await text('history', 'rev-parse', 'main^'),
    newest: await text('history', 'rev-parse', 'main'),
  }
}

/** A line more in one note per commit. */
async function importEdits(folder, vault, commits) {
  const notes = readdirSync(vault, { recursive: true }).filter((path) => path.endsWith('.md'))
  const contents = new Map()
  const fast = spawn('git', ['--git-dir', folder, 'fast-import', '--quiet'], { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise((resolve) => fast.on('close', resolve))
  const seconds = Math.floor(Date.now() / 1000)
  for (let n = 0; n < commits; n++) {
    const path = notes[(n * 7919) % notes.length]
    const content = `${contents.get(path) ?? readFileSync(join(vault, path), 'utf8')}\nEdit ${n} of the benchmark.\n`
    contents.set(path, content)
    const commit = `commit refs/heads/main\ncommitter Bench <bench@example.invalid> ${seconds + n} +0000\ndata 4\nedit\n`
    const from = n === 0 ? 'from refs/heads/main^0\n' : ''
    const file = `M 100644 inline ${JSON.stringify(path)}\ndata ${Buffer.byteLength(content)}\n${content}\n`
    if (!fast.stdin.write(commit + from + file)) await new Promise((drained) => fast.stdin.once('drain', drained))
  }
  fast.stdin.end()
  const code = await ended
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`)
}

async function mainOf(folder) {
  return (await run(['git', '--git-dir', folder, 'rev-parse', 'main'])).text.trim()
}

async function startDaemon(base) {
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
  const args = [
    'daemon',
    '--export-all',
    '--listen=127.0.0.1',
    `--port=${port}`,
    `--base-path=${base}`,
    '--reuseaddr',
    base,
  ]
  const child = spawn('git', ['-c', 'safe.directory=*', ...args], { stdio: 'ignore', detached: true })
  const answers = () =>
    new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(socket.destroy()))
      socket.once('error', () => resolve(false))
    })
  await until(answers, 'git daemon', { every: 20 })
  return { port, stop: () => process.kill(-child.pid, 'SIGKILL') }
}

async function stockFetch(port, path, into) {
  const url = `git://127.0.0.1:${port}/${path}`
  return run(['git', '--git-dir', into, 'fetch', '-q', url, '+refs/heads/*:refs/heads/*'])
}

/** A new repository whose `main` is at `from`, with what that needs in one pack. */
async function makeReceiver({ base }, path, from) {
  const into = join(base, 'into')
  rmSync(into, { recursive: true, force: true })
  await run(['git', 'init', '-q', '--bare', '--initial-branch=main', into])
  if (from) {
    const packs = join(base, `packs-${from}`)
    if (!existsSync(packs)) {
      mkdirSync(packs)
      const list = `printf '%s\\n' ${from} | git --git-dir '${join(base, path)}' pack-objects --revs -q '${join(packs, 'pack')}'`
      await run(['sh', '-c', list])
    }
    for (const name of readdirSync(packs)) linkSync(join(packs, name), join(into, 'objects/pack', name))
    await run(['git', '--git-dir', into, 'update-ref', 'refs/heads/main', from])
  } else await settleDisk()
  return into
}

/** Each side in turns, and once more through a counting wire for stock git's bytes. */
async function measure(scene, { path, from, to = from, rounds }) {
  const takes = { git: [], tcp: [], iroh: [] }
  const names = Object.keys(takes)
  const fetchInto = async (take) => {
    const into = await makeReceiver(scene, path, from)
    const result = await take(into)
    if ((await mainOf(into)) !== to) throw new Error(`the fetch of ${path} did not bring ${to}`)
    return { result, into }
  }
  for (let round = 0; round < (rounds ?? scene.options.rounds); round++)
    for (let turn = 0; turn < names.length; turn++) {
      const side = names[(round + turn) % names.length]
      const { result, into } = await fetchInto((into) => scene.sides[side](path, into))
      takes[side].push(result)
      if (round === 0) await run(['git', '--git-dir', into, 'fsck', '--connectivity-only'])
    }
  const wire = await countingWire(scene.port)
  await fetchInto((into) => stockFetch(wire.port, path, into))
  const of = (side, key) => median(takes[side].map((take) => take[key]))
  return {
    ms: { git: of('git', 'ms'), tcp: of('tcp', 'ms'), iroh: of('iroh', 'ms') },
    ours: Object.fromEntries(
      ['sent', 'received', 'roundTrips', 'objects', 'reused', 'cpuMs'].map((key) => [key, of('tcp', key)]),
    ),
    stock: wire.close(),
  }
}

/** Passes TCP on, and counts. */
async function countingWire(to) {
  const count = { sent: 0, received: 0, roundTrips: 0 }
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true })
    let asked = false
    near.on('data', (data) => {
      count.sent += data.length
      asked = true
      far.write(data)
    })
    far.on('data', (data) => {
      count.received += data.length
      if (asked) count.roundTrips++
      asked = false
      near.write(data)
    })
    near.on('end', () => far.end())
    far.on('end', () => near.end())
    for (const socket of [near, far]) socket.on('error', () => undefined)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: server.address().port, close: () => (server.close(), count) }
}

/** `raw`: MB/s of a bare stream, for what is large: nothing over Iroh can be faster. */
function rows(what, { ms, ours, stock }, { aims = {}, raw } = {}) {
  const unit = 'ms'
  const beside = (value) => ({ name: 'git', value })
  const bytes = (way, key) => ({
    what: `${what}, bytes ${way}`,
    unit: 'bytes',
    value: ours[key],
    beside: beside(stock[key]),
    ...(aims.bytes ? { aim: aims.bytes } : {}),
  })
  return [
    { what: `${what}, over TCP`, unit, value: ms.tcp, beside: beside(ms.git) },
    {
      what: `${what}, over Iroh`,
      unit,
      value: ms.iroh,
      beside: beside(ms.git),
      ...(raw ? { note: `its bytes alone take the bare binding ${(ours.received / raw / 1000).toFixed(0)} ms` } : {}),
    },
    {
      what: `${what}, round trips`,
      unit: 'times',
      value: ours.roundTrips,
      beside: beside(stock.roundTrips),
      ...(aims.roundTrips ? { aim: aims.roundTrips } : {}),
    },
    bytes('to the server', 'sent'),
    bytes('from the server', 'received'),
    { what: `${what}, CPU of the receiver`, unit, value: ours.cpuMs },
    ...(ours.objects > 4
      ? [
          {
            what: `${what}, copied as they lie in the store`,
            unit: 'objects',
            value: ours.reused,
            note: `of ${ours.objects}`,
          },
        ]
      : []),
  ]
}

/** Messages from the one who edits to a subscriber, on the live link; without what the heartbeat adds: the least of a few edits. */
async function messagesOfAnEdit({ bundles }, base) {
  const folder = join(base, 'live')
  const [vaultA, vaultB] = [join(folder, 'a'), join(folder, 'b')]
  for (const vault of [vaultA, vaultB]) mkdirSync(vault, { recursive: true })
  const note = join(vaultA, 'Note.md')
  appendFileSync(note, 'one\n')
  const pair = new LivePair(bundles.cli, folder, vaultA, vaultB)
  await pair.pair()
  pair.a.up()
  pair.b.up()
  try {
    await pair.b.whenInStep()
    const copied = () =>
      until(
        () => statSync(join(vaultB, 'Note.md'), { throwIfNoEntry: false })?.size === statSync(note).size,
        'the edit',
      )
    await copied()
    const counts = []
    for (let n = 0; n < 5; n++) {
      await sleep(2 * DEBOUNCE_MS)
      const before = (await pair.a.status()).peers[0].traffic.messagesSent
      appendFileSync(note, `edit ${n}\n`)
      await copied()
      await sleep(100)
      counts.push((await pair.a.status()).peers[0].traffic.messagesSent - before)
    }
    return Math.min(...counts)
  } finally {
    await pair.stop()
  }
}
