import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { formatDuration } from '../cli/format.ts'
import type { Output } from '../cli/output.ts'
import { printable } from '../cli/printable.ts'
import type { DemoPeer } from './demo-peer.ts'
import type { JsonObject } from './json-child.ts'

/** Files named per burst of changes. */
const NAMED = 8
/** A file saved longer ago was not saved now: it was moved here, or copied with its date. */
const RECENT_MS = 5000

/** Tells of changes as they happen, once the person tries by hand. */
export class LiveView {
  readonly #peers: readonly [DemoPeer, DemoPeer]

  constructor(
    private readonly output: Output,
    a: DemoPeer,
    b: DemoPeer,
  ) {
    this.#peers = [a, b]
  }

  begin(willKeep: boolean): void {
    const { output } = this
    const { bold, cyan, dim } = output.style
    const [a, b] = this.#peers
    output.human(`\n${bold('Now you')}`)
    output.human(`Edit a note in      ${cyan(a.vault)}`)
    output.human(`and watch it change ${cyan(b.vault)}`)
    output.human('or the other way round, with any editor, or with both open in Obsidian.')
    const end = willKeep ? 'The folders stay.' : 'The folders are removed then; --keep leaves them.'
    output.human(dim(`Ctrl-C ends it. ${end}\n`))
    output.object({ event: 'live', vaults: [a.vault, b.vault], keep: willKeep })
  }

  take(peer: DemoPeer, event: JsonObject): void {
    switch (event.event) {
      case 'settled':
        return void this.#settled(peer, event, Date.now())
      case 'consent':
        return this.#consent(peer, event)
      case 'log':
        if (event.kind === 'link.down') this.#line(`${peer.name} is disconnected`)
        if (event.kind === 'link.up') this.#line(`${peer.name} is connected again`)
        return
    }
  }

  async #settled(peer: DemoPeer, { applied, removed, paths }: JsonObject, now: number): Promise<void> {
    const names = Array.isArray(paths) ? paths.map(String) : []
    const written = typeof applied === 'number' ? applied : 0
    const deleted = typeof removed === 'number' ? removed : 0
    if (written + deleted === 0) return
    const source = this.#peers.find((other) => other !== peer)!
    const way = `${source.name} → ${peer.name}`
    // Where files went, too, what came may have been renamed: the time of saving says nothing then.
    for (const [at, path] of names.slice(0, NAMED).entries()) {
      if (at >= written) this.#change(way, path, 'deleted', null)
      else this.#change(way, path, 'written', deleted ? null : await savedAgo(join(source.vault, path), now))
    }
    const rest = written + deleted - Math.min(names.length, NAMED)
    if (rest > 0) this.#line(`${way}  and ${rest} more`)
  }

  #change(way: string, path: string, kind: 'written' | 'deleted', ms: number | null): void {
    const { style } = this.output
    const detail = kind === 'deleted' ? 'gone, kept in .trash' : ms === null ? '' : `${formatDuration(ms)} after saving`
    this.#line(`${style.green(way)}  ${printable(path)}${detail ? style.dim(`  ${detail}`) : ''}`)
    this.output.object({ event: 'change', way, path, kind, ...(ms === null ? {} : { ms: Math.round(ms) }) })
  }

  #consent(peer: DemoPeer, { deletes, overwrites }: JsonObject): void {
    this.output.object({ event: 'consent', peer: peer.name, deletes, overwrites })
    this.output.human(
      `${this.output.style.yellow(`${peer.name} holds back a very large change`)} (deletes ${String(deletes)}, overwrites ${String(overwrites)}) until somebody says yes:`,
    )
    this.output.human(`  ${peer.commandLine('approve')}`)
  }

  #line(text: string): void {
    const time = new Date().toTimeString().slice(0, 8)
    this.output.human(`${this.output.style.dim(time)}  ${text}`)
  }
}

/** Milliseconds since the file was saved, by its modification time; null when that is long ago or unknown. */
async function savedAgo(file: string, now: number): Promise<number | null> {
  const found = await stat(file).catch(() => null)
  const ago = found ? now - found.mtimeMs : Number.NaN
  return ago >= 0 && ago < RECENT_MS ? ago : null
}
