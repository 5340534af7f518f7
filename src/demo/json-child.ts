import { spawn, type ChildProcess } from 'node:child_process'
import { LineSplitter } from '../cli/line-splitter.ts'
import { printable } from '../cli/printable.ts'

export type JsonObject = Readonly<Record<string, unknown>>

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A peer says goodbye, comes to rest and closes within this; then it is killed. */
const STOP_MS = 5000
/** Characters of its error output that are kept, to tell why it ended. */
const MAX_WORDS = 2000

const running = new Set<ChildProcess>()
// Whatever ends this process, a crash too: no peer outlives it.
process.on('exit', killAllChildren)

/** At once, without goodbye. */
export function killAllChildren(): void {
  for (const child of running) child.kill('SIGKILL')
}

/**
 * A process of ours that prints one JSON object per line. It leads a process group of its own: Ctrl-C in the terminal
 * reaches the demonstration alone, which then stops its children in order.
 */
export class JsonChild {
  /** Its last `{"event":"error"}`. */
  error: JsonObject | null = null
  readonly ended: Promise<Ended>
  readonly #child: ChildProcess
  #words = ''
  #stopped: Promise<Ended> | null = null

  constructor(script: string, args: readonly string[], onObject: (object: JsonObject) => void) {
    this.#child = spawn(process.execPath, [script, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: process.platform !== 'win32', // there it would open a window
      windowsHide: true,
    })
    const child = this.#child
    running.add(child)
    const splitter = new LineSplitter()
    child.stdout!.on('data', (chunk: Buffer) => {
      try {
        for (const line of splitter.push(chunk)) this.#take(line, onObject)
      } catch (error) {
        this.#words += `unintelligible output: ${error instanceof Error ? error.message : String(error)}`
        child.stdout!.removeAllListeners('data').resume()
      }
    })
    child.stderr!.setEncoding('utf8')
    child.stderr!.on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-MAX_WORDS)
    })
    this.ended = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#words += error.message
        if (child.pid === undefined) settle({ code: null, signal: null })
      })
      child.on('close', (code, signal) => settle({ code, signal }))
      const settle = (ended: Ended): void => {
        running.delete(child)
        resolve(ended)
      }
    })
  }

  /** Whether it was asked to end. */
  get isStopping(): boolean {
    return this.#stopped !== null
  }

  /** Why it ended, in its own words; empty when it said nothing. */
  get words(): string {
    const message = this.error && typeof this.error.message === 'string' ? this.error.message : this.#words.trim()
    return printable(message.split('\n').slice(-3).join(' '))
  }

  /** SIGINT, once; SIGKILL when it takes longer than five seconds. */
  stop(): Promise<Ended> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<Ended> {
    this.#child.kill('SIGINT')
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
    try {
      return await this.ended
    } finally {
      clearTimeout(kill)
    }
  }

  #take(line: string, onObject: (object: JsonObject) => void): void {
    const value: unknown = JSON.parse(line)
    if (typeof value !== 'object' || value === null) return
    const object = value as JsonObject
    if (object.event === 'error') this.error = object
    onObject(object)
  }
}
