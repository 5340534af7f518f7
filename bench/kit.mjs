/** What the benchmarks share: processes with their time, CPU and memory, copies of folders, medians, waiting. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { devNull } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** @param {readonly number[]} numbers */
export function quantile(numbers, q) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const low = Math.floor(at)
  return sorted[low] + (sorted[Math.ceil(at)] - sorted[low]) * (at - low)
}

export const median = (numbers) => quantile(numbers, 0.5)

/** Asks every `every` ms until the answer is truthy, and gives it back. */
export async function until(test, what, { every = 1, limit = 120_000 } = {}) {
  for (const start = performance.now(); ; await sleep(every)) {
    const answer = await test()
    if (answer) return answer
    if (performance.now() - start > limit) throw new Error(`${what}: not within ${limit / 1000} s`)
  }
}

/** No gc in the background of a measurement, and nothing of this machine's own settings. */
const GIT_ENV = {
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_COUNT: '2',
  GIT_CONFIG_KEY_0: 'gc.auto',
  GIT_CONFIG_VALUE_0: '0',
  GIT_CONFIG_KEY_1: 'maintenance.auto',
  GIT_CONFIG_VALUE_1: 'false',
  GIT_AUTHOR_NAME: 'Bench',
  GIT_AUTHOR_EMAIL: 'bench@example.invalid',
  GIT_COMMITTER_NAME: 'Bench',
  GIT_COMMITTER_EMAIL: 'bench@example.invalid',
}

const GNU_TIME = existsSync('/usr/bin/time') ? '/usr/bin/time' : undefined

/**
 * Runs a command to its end. `rssMB`: the largest of its processes, where GNU time is there to tell.
 * @returns {Promise<{ms: number, rssMB: number | undefined, text: string}>}
 */
export async function run(argv, { cwd, work } = {}) {
  const report = GNU_TIME && work ? join(work, `time-${process.pid}-${Math.random()}.tmp`) : undefined
  const [file, ...args] = report ? [GNU_TIME, '-q', '-f', '%M', '-o', report, ...argv] : argv
  const start = performance.now()
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...GIT_ENV } })
  let text = ''
  let errors = ''
  child.stdout.on('data', (data) => (text += data))
  child.stderr.on('data', (data) => (errors += data))
  const code = await new Promise((resolve, reject) => {
    child.on('close', resolve)
    child.on('error', reject)
  })
  const ms = performance.now() - start
  let rssMB
  if (report) {
    rssMB = Number(readFileSync(report, 'utf8').trim().split('\n').pop()) / 1024
    rmSync(report)
  }
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}\n${text.slice(-2000)}${errors.slice(-2000)}`)
  return { ms, rssMB, text }
}

/** The last line of a command's output, as JSON. */
export const lastJson = (text) => JSON.parse(text.trim().split('\n').pop())

/** Writes everything that waits to the disk, so that nobody pays for whoever came before. */
export async function settleDisk() {
  await run(['sync']).catch(() => undefined)
}

export async function copyFolder(from, to) {
  await cp(from, to, { recursive: true, preserveTimestamps: true })
  await settleDisk()
}

/** A process that answers each line it is sent with one line of JSON. */
export class Answering {
  #child
  #answers = []
  #waiting = []

  constructor(argv) {
    this.#child = spawn(argv[0], argv.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const waiting = this.#waiting.shift()
      if (waiting) waiting.resolve(JSON.parse(line))
      else this.#answers.push(JSON.parse(line))
    })
    this.ended = new Promise((resolve) =>
      this.#child.on('exit', (code, signal) => {
        for (const { reject } of this.#waiting) reject(new Error(`${argv.join(' ')} ended with ${code ?? signal}`))
        resolve(code)
      }),
    )
  }

  /** The next line, whatever was asked. */
  next() {
    return new Promise((resolve, reject) => {
      if (this.#answers.length) resolve(this.#answers.shift())
      else this.#waiting.push({ resolve, reject })
    })
  }

  ask(line) {
    this.#child.stdin.write(`${line}\n`)
    return this.next()
  }

  async end() {
    this.#child.stdin.end()
    await this.ended
  }
}

/** Ticks of /proc/PID/stat, per second: USER_HZ of every Linux. */
const HZ = 100

/** CPU seconds of a living process, undefined where there is no /proc. */
export function cpuSeconds(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number)
    return (fields[11] + fields[12]) / HZ
  } catch {
    return undefined
  }
}

/** Most memory that a living process ever held, MB. */
export function peakMB(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
  } catch {
    return undefined
  }
}
