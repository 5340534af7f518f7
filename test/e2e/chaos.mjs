/**
 * Chaos: five real devices, each paired with each, edited, killed and restarted at random for some minutes. Then they must come to
 * agree: the same bytes in every vault, every line that was ever written, sound repositories, and nothing left behind.
 *
 *   npm run chaos                       five minutes, a new seed
 *   npm run chaos -- --minutes 2 --seed 7
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const DEVICES = 5
/** A process of this fleet: some ten notes per device, and Node itself. It may not grow with the time that it runs. */
const MEMORY_MB = 400
/** The fleet must agree within this once nothing disturbs it: reconnects wait up to 30 s, and one may follow another. */
const AGREE_MS = 180_000
const NETWORK = ['--relay', 'off', '--no-lan', '--bind', '127.0.0.1:0']

const usage = 'usage: npm run chaos -- [--minutes N] [--seed N] [--keep]'
let options
try {
  options = parseArgs({
    options: { minutes: { type: 'string', default: '5' }, seed: { type: 'string' }, keep: { type: 'boolean' } },
  }).values
} catch (error) {
  console.error(`${error.message}\n${usage}`)
  process.exit(2)
}
const minutes = Number(options.minutes)
const seed = Number(options.seed ?? Math.floor(Math.random() * 1e9))
if (!(minutes > 0) || !Number.isSafeInteger(seed)) {
  console.error(usage)
  process.exit(2)
}

const program = process.env.TANDEM_CLI ?? fileURLToPath(new URL('../../dist/cli.mjs', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tandem-chaos-'))
const children = new Set()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130))

/** mulberry32: the same moments and choices for the same seed, as far as the machine plays along. */
let state = seed >>> 0
function fraction() {
  state = (state + 0x6d2b79f5) >>> 0
  let mixed = Math.imul(state ^ (state >>> 15), state | 1)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}
const pick = (count) => Math.floor(fraction() * count)

const written = new Set()
const count = { edits: 0, shared: 0, renames: 0, deletes: 0, kills: 0, stops: 0 }
const problems = []
let peakMemory = 0

class Device {
  constructor(number) {
    this.name = `device-${number}`
    this.vault = join(folder, this.name)
    this.state = join(folder, `${this.name}.state`)
    this.up = null
    this.down = false
    mkdirSync(this.vault)
  }

  spawn(command, ...rest) {
    const network = ['invite', 'join', 'up'].includes(command) ? NETWORK : []
    const child = spawn(
      process.execPath,
      [program, command, this.vault, ...rest, '--state', this.state, '--json', ...network],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    children.add(child)
    child.lines = []
    child.words = ''
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (text + chunk).split('\n')
      text = lines.pop()
      for (const line of lines) child.lines.push(JSON.parse(line))
      if (child.lines.length > 2000) child.lines.splice(0, 1000)
    })
    child.stderr.setEncoding('utf8').on('data', (chunk) => (child.words = (child.words + chunk).slice(-4000)))
    child.ended = new Promise((resolve) =>
      child.on('close', (code, signal) => {
        children.delete(child)
        resolve({ code, signal })
      }),
    )
    return child
  }

  async run(command, ...rest) {
    const child = this.spawn(command, ...rest)
    const { code } = await child.ended
    if (code !== 0) throw new Error(`tandem ${command} of ${this.name} ended with ${code}: ${child.words}`)
    return child.lines
  }

  start() {
    const child = this.spawn('up', '--yes') // [E3] one that was away for long would ask before it takes so many changes
    this.up = child
    void child.ended.then(({ code, signal }) => {
      if (this.up === child) problems.push(`${this.name} ended by itself (${signal ?? code}): ${child.words}`)
    })
  }

  /** Stopped by Ctrl-C in order, or killed. */
  async end(signal) {
    const { up } = this
    this.up = null
    if (!up) return
    up.kill(signal)
    const kill = setTimeout(() => {
      problems.push(`${this.name} did not end within 20 s of ${signal}`)
      up.kill('SIGKILL')
    }, 20_000)
    const { code, signal: by } = await up.ended
    clearTimeout(kill)
    // One that has only just begun has no handler yet: the signal itself ends it, and there is nothing to put in order.
    if (signal === 'SIGINT' && code !== 0 && code !== 130 && by !== 'SIGINT')
      problems.push(`${this.name} ended with ${code} on Ctrl-C: ${up.words}`)
  }

  async status() {
    return (await this.run('status')).at(-1)
  }

  files() {
    return new Map(
      readdirSync(this.vault, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(this.vault.length + 1))
        .filter((path) => !path.startsWith('.trash/'))
        .sort()
        .map((path) => [path, readFileSync(join(this.vault, path), 'utf8')]),
    )
  }

  append(path) {
    const file = join(this.vault, path)
    const line = `${this.name} wrote ${written.size}`
    mkdirSync(dirname(file), { recursive: true })
    written.add(line)
    appendFileSync(file, `${line}\n`)
  }

  /** Notes of its own are edited at any time; nobody else writes them, so no write of ours can meet the editor's. */
  edit() {
    count.edits++
    const own = join(this.name, `Note ${pick(25)}.md`)
    const choice = fraction()
    const file = join(this.vault, own)
    if (choice < 0.04 && existsSync(file)) {
      count.renames++
      renameSync(file, join(this.vault, this.name, `Renamed ${count.renames}.md`))
    } else if (choice < 0.07) {
      // A file that comes and goes: its text need not stay.
      const passing = join(this.vault, this.name, `Passing ${pick(3)}.md`)
      mkdirSync(dirname(passing), { recursive: true })
      if (existsSync(passing)) {
        count.deletes++
        rmSync(passing)
      } else appendFileSync(passing, 'not for long\n')
    } else this.append(own)
  }

  /** Notes that everybody edits, while nothing runs here. */
  editShared() {
    count.shared++
    this.append(join('shared', `Note ${pick(8)}.md`))
  }
}

function same(all) {
  const [first, ...rest] = all.map((device) => JSON.stringify([...device.files()]))
  return rest.every((files) => files === first)
}

function memoryOf(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Nothing of ours is left over in the state folder or the vault: no lock, no socket, no temporary file of any store. */
function leftovers(device) {
  const inState = readdirSync(device.state, { recursive: true }).filter((name) =>
    /(^|\/)(lock|control\.sock)|\.lock$|\.tmp$|tmp_|incoming|\.tandem-/.test(name),
  )
  const inVault = readdirSync(device.vault, { recursive: true }).filter((name) => /\.tandem/.test(name))
  return [...inState, ...inVault]
}

/** Processes of this machine, others than ours, that were started for this fleet: whoever started them, and forgot them. */
function strayProcesses() {
  if (!existsSync('/proc')) return []
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return []
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
      return line.includes(folder) ? [`${pid} ${line}`] : []
    } catch {
      return [] // gone meanwhile
    }
  })
}

/** What is wrong with the status of a device of a fleet at rest. */
function statusProblems({ name }, status, everybody) {
  const wrong = []
  const say = (what) => wrong.push(`the status of ${name} says ${what}`)
  const others = everybody.map((device) => device.name).filter((other) => other !== name)
  if (!status.running || !status.settled) say(`running ${status.running}, settled ${status.settled}`)
  if (status.share?.error || status.share?.consent || status.share?.issues.length) say(JSON.stringify(status.share))
  if (status.share?.files !== everybody[0].files().size) say(`${status.share?.files} files`)
  const names = status.peers.map((peer) => peer.name).sort()
  if (names.join() !== others.sort().join()) say(`that it knows ${names.join(', ')}`)
  for (const peer of status.peers) {
    if (peer.status !== 'connected' || !peer.current || peer.health !== 'healthy' || peer.lastError)
      say(`that ${peer.name} is ${peer.status}, ${peer.health}, current ${peer.current}, ${peer.lastError?.message}`)
    const { files, queueDepth, connectedSince, lastSuccessAt } = peer.metrics
    if (files?.ahead !== 0 || files.behind !== 0) say(`that ${peer.name} is ${JSON.stringify(files)} files apart`)
    if (queueDepth !== 0) say(`that ${queueDepth} messages wait for ${peer.name}`)
    if (connectedSince === null || lastSuccessAt === null) say(`nothing of when ${peer.name} was connected`)
  }
  if (status.total.connected !== others.length || status.total.drops !== 0) say(JSON.stringify(status.total))
  return wrong
}

async function pairAll(devices) {
  for (const [i, left] of devices.entries()) {
    for (const right of devices.slice(i + 1)) {
      const inviting = left.spawn('invite', '--yes')
      while (!inviting.lines.some(({ link }) => link) && inviting.exitCode === null) await sleep(10)
      await right.run('join', inviting.lines.find(({ link }) => link).link, '--yes')
      await inviting.ended
    }
  }
}

async function makeChaos(devices, endsAt) {
  let said = performance.now()
  while (performance.now() < endsAt) {
    for (const device of devices) for (let i = pick(3); i > 0; i--) device.edit()
    const device = devices[pick(DEVICES)]
    if (!device.down && fraction() < 0.06) {
      const killed = fraction() < 0.6
      count[killed ? 'kills' : 'stops']++
      peakMemory = Math.max(peakMemory, memoryOf(device.up.pid))
      device.down = true
      void device.end(killed ? 'SIGKILL' : 'SIGINT').then(async () => {
        for (let i = pick(3); i > 0; i--) device.editShared()
        await sleep(pick(3) === 0 ? pick(8000) : pick(500))
        device.start()
        device.down = false
      })
    }
    await sleep(30 + pick(120))
    if (performance.now() - said > 30_000) {
      said = performance.now()
      console.log(
        `  ${Math.ceil((endsAt - said) / 1000)} s to go: ${count.edits} edits, ${count.kills} kills, ${count.stops} restarts`,
      )
    }
  }
  while (devices.some((device) => device.down)) await sleep(50)
}

async function awaitAgreement(devices) {
  const startedAt = performance.now()
  let why = ''
  while (performance.now() - startedAt < AGREE_MS) {
    await sleep(500)
    if (devices.some((device) => !device.up?.lines.some(({ event }) => event === 'up' || event === 'state'))) continue
    const states = await Promise.all(devices.map((device) => device.status()))
    const late = states.filter(
      ({ settled, peers }) => !settled || !peers.every((peer) => peer.status === 'connected' && peer.current),
    )
    why = late
      .map(
        ({ device, settled, share, peers }) =>
          `${device.name}: settled ${settled}, ${JSON.stringify(share)}, ${peers.map((p) => `${p.name} ${p.status}${p.current ? '' : ' not current'} ${p.lastError?.message ?? ''}`).join(', ')}`,
      )
      .join('\n')
    if (!late.length && same(devices)) return performance.now() - startedAt
    if (!late.length) why = 'all say that they are current, but their vaults differ'
  }
  problems.push(`no agreement within ${AGREE_MS / 1000} s\n${why}`)
  return null
}

console.log(`chaos: ${DEVICES} devices, ${minutes} min, seed ${seed}\n  in ${folder}`)
const devices = Array.from({ length: DEVICES }, (_, number) => new Device(number))
await Promise.all(devices.map((device) => device.run('init', '--name', device.name)))
await pairAll(devices)
for (const device of devices) device.start()
await makeChaos(devices, performance.now() + minutes * 60_000)
const agreedMs = await awaitAgreement(devices)
const statuses = agreedMs === null ? [] : await Promise.all(devices.map((device) => device.status()))
for (const [i, status] of statuses.entries()) problems.push(...statusProblems(devices[i], status, devices))
if (agreedMs !== null && !same(devices)) problems.push('the vaults moved apart again')
for (const device of devices) if (device.up) peakMemory = Math.max(peakMemory, memoryOf(device.up.pid))
if (peakMemory > MEMORY_MB) problems.push(`a process took ${peakMemory.toFixed(0)} MB, more than ${MEMORY_MB}`)
await Promise.all(devices.map((device) => device.end('SIGINT')))

const files = devices[0].files()
const lines = new Set([...files.values()].flatMap((text) => text.split('\n')))
const lost = [...written].filter((line) => !lines.has(line))
if (lost.length) problems.push(`${lost.length} lines are in no file: ${lost.slice(0, 5).join(', ')} …`)
for (const device of devices) {
  const left = leftovers(device)
  if (left.length) problems.push(`${device.name} left behind: ${left.slice(0, 10).join(', ')}`)
  const fsck = spawnSync('git', ['-C', join(device.state, 'repository'), 'fsck', '--strict', '--no-dangling'], {
    encoding: 'utf8',
  })
  if (fsck.status !== 0) problems.push(`git fsck of ${device.name}: ${fsck.stderr}`)
}
if (children.size) problems.push(`${children.size} processes still run`)
for (const stray of strayProcesses()) problems.push(`a process was left behind: ${stray}`)
const traffic = statuses.map(({ total }) => total)
const sumOf = (key) => traffic.reduce((sum, total) => sum + total[key], 0)

console.log(`
  edits       ${count.edits} in notes of one device, ${count.shared} in shared ones (${count.renames} renames, ${count.deletes} deletions)
  disturbed   ${count.kills} kills, ${count.stops} stops in order
  agreed      ${agreedMs === null ? 'never' : `${(agreedMs / 1000).toFixed(1)} s after the last disturbance`}
  vaults      ${files.size} files, ${[...files.keys()].filter((path) => path.includes('(conflict')).length} of them conflict copies, ${written.size} lines written, ${lost.length} lost
  traffic     ${(sumOf('bytesSent') / 1e6).toFixed(1)} MB and ${sumOf('messagesSent')} messages in the last life of each, ${sumOf('reconnects')} links lost in it
  memory      ${peakMemory.toFixed(0)} MB at most per process`)
for (const problem of problems) console.log(`\nPROBLEM  ${problem}`)
console.log(
  problems.length
    ? `\nfailed; try again with --seed ${seed}; everything is kept in ${folder}`
    : '\nall in step, nothing lost, nothing left behind',
)
if (!problems.length && !options.keep) rmSync(folder, { recursive: true, force: true })
process.exit(problems.length ? 1 : 0)
