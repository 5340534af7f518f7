import type { Output } from '../cli/output.ts'
import type { ProgressState } from '../cli/progress.ts'
import type { JsonObject } from './json-child.ts'

const WORDS: Readonly<Record<string, string>> = {
  'Reading the vault': 'reads its vault',
  Receiving: 'receives the history',
  'Writing files': 'writes the files',
}

/** Draws the `progress` events of the peers as one progress display; in JSON mode passes them on with the peer's name. */
export class SyncProgress {
  #shown: string | null = null

  constructor(private readonly output: Output) {}

  take(peer: string, event: JsonObject): void {
    if (this.output.json) return this.output.object({ ...event, peer })
    const phase = String(event.phase)
    const label = `${peer} ${WORDS[phase] ?? phase}`
    const state = stateOf(event, phase)
    if (this.#shown !== label) {
      if (event.state === 'end') return
      this.output.progress().phase(label, state)
      this.#shown = label
    } else {
      this.output.progress().update(state)
    }
    if (event.state === 'end') this.end()
  }

  end(): void {
    if (this.#shown !== null) this.output.progress().done()
    this.#shown = null
  }
}

/** What is received is counted in git objects, which are no files: there the bytes alone are shown. */
function stateOf(event: JsonObject, phase: string): ProgressState {
  const names = phase === 'Receiving' ? ['bytes'] : ['files', 'totalFiles', 'bytes', 'totalBytes']
  return Object.fromEntries(
    names.filter((name) => typeof event[name] === 'number').map((name) => [name, event[name] as number]),
  )
}
