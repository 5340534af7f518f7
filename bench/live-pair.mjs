/** Two headless peers, two processes, paired on loopback; each line that they print is kept with the time of its arrival. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import { cpuSeconds, lastJson, peakMB, run, until } from './kit.mjs'

export const DEBOUNCE_MS = 300

class Peer {
  #process
  #ended = Promise.resolve()
  /** Of this run: `{ at, line }`. */
  lines = []

  constructor(cli, vault, state, name) {
    this.cli = cli
    this.vault = vault
    this.state = state
    this.name = name
  }

  command(name, ...args) {
    const network = ['--relay', 'off', '--no-lan', '--bind', '127.0.0.1:0', '--debounce', String(DEBOUNCE_MS)]
    return [process.execPath, this.cli, name, this.vault, ...args, '--state', this.state, '--json', '--yes', ...network]
  }

  get pid() {
    return this.#process.pid
  }

  up() {
    this.lines = []
    this.startedAt = performance.now()
    const [file, ...args] = this.command('up')
    // Such as BENCH_NODE_OPTIONS='--cpu-prof --cpu-prof-dir=/tmp/profile'.
    const nodeOptions = process.env.BENCH_NODE_OPTIONS?.split(' ') ?? []
    const child = (this.#process = spawn(file, [...nodeOptions, ...args], { stdio: ['ignore', 'pipe', 'inherit'] }))
    createInterface({ input: child.stdout }).on('line', (text) =>
      this.lines.push({ at: performance.now(), line: JSON.parse(text) }),
    )
    this.#ended = new Promise((resolve) => child.on('exit', resolve))
  }

  /** When the first line of this run came that fits. */
  async when(what, fits, limit = 300_000) {
    return (await until(() => this.lines.find(({ line }) => fits(line)), `${this.name}: ${what}`, { every: 2, limit }))
      .at
  }

  whenUp() {
    return this.when('up', (line) => line.event === 'up')
  }

  whenInStep() {
    return this.when('in step', (line) => line.event === 'peer' && line.current === true)
  }

  async status() {
    return lastJson((await run(this.command('status'))).text)
  }

  cpu() {
    return cpuSeconds(this.pid)
  }

  peakMB() {
    return peakMB(this.pid)
  }

  /** Without a word. */
  async kill() {
    this.#process.kill('SIGKILL')
    await this.#ended
  }

  async stop() {
    this.#process?.kill('SIGINT')
    await this.#ended
  }
}

export class LivePair {
  constructor(cli, work, vaultA, vaultB) {
    this.a = new Peer(cli, vaultA, join(work, 'state-a'), 'bench-a')
    this.b = new Peer(cli, vaultB, join(work, 'state-b'), 'bench-b')
  }

  async pair() {
    for (const peer of [this.a, this.b])
      await run([process.execPath, peer.cli, 'init', peer.vault, '--name', peer.name, '--state', peer.state])
    const [file, ...args] = this.a.command('invite')
    const inviting = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = new Promise((resolve) => inviting.on('exit', resolve))
    let link
    createInterface({ input: inviting.stdout }).on('line', (text) => (link ??= JSON.parse(text).link))
    await until(() => link, 'the link of the invitation', { every: 5 })
    await run(this.b.command('join', link))
    await ended
  }

  async stop() {
    await Promise.all([this.a.stop(), this.b.stop()])
  }
}
