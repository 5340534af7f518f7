/**
 * How far a transfer of files' contents is, in the same terms for the side that sends and the side that receives. What comes before
 * them, the history, is not counted: nobody knows beforehand how much it is.
 */
export interface TransferProgress {
  readonly filesDone: number
  /** 0 while unknown. */
  readonly filesTotal: number
  /** Of their contents, inflated. */
  readonly bytesDone: number
  /** 0 while unknown. */
  readonly bytesTotal: number
}

/**
 * What one peer is being sent on one link: it asks on one stream after another, first for a number of files, then for each large one
 * of them. `changed` hears null when nothing of it is under way any more.
 */
export class SendProgress {
  #state: TransferProgress | null = null
  readonly #changed: (progress: TransferProgress | null) => void

  constructor(changed: (progress: TransferProgress | null) => void) {
    this.#changed = changed
  }

  /** A peer asked for these; it takes the place of what it asked for before. */
  plan(files: number, bytes: number): void {
    if (files === 0) return this.end()
    this.#set({ filesDone: 0, filesTotal: files, bytesDone: 0, bytesTotal: bytes })
  }

  /** So much of the plan has been handed to the network, or (a large file that goes on) was there already. */
  sent(files: number, bytes: number): void {
    const before = this.#state
    if (!before) return
    const filesDone = Math.min(before.filesDone + files, before.filesTotal)
    const bytesDone = Math.min(before.bytesDone + bytes, before.bytesTotal)
    this.#set({ ...before, filesDone, bytesDone })
    if (filesDone === before.filesTotal) this.end()
  }

  /** Everything was sent, or the peer does not hear it any more. */
  end(): void {
    if (this.#state) this.#set(null)
  }

  #set(state: TransferProgress | null): void {
    this.#state = state
    this.#changed(state)
  }
}
