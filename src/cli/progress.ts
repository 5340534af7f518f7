/** How far a phase is. What is not known is left out; a total may grow while the work goes on. */
export interface ProgressState {
  readonly files?: number
  readonly totalFiles?: number
  readonly bytes?: number
  readonly totalBytes?: number
}

/** Where long work reports to. One phase at a time; phases follow each other. */
export interface Progress {
  /** Begins a phase; one that is still open ends first, as by `done`. */
  phase(label: string, state?: ProgressState): void
  /** Takes the fields given and keeps the others. Cheap: may be called for every file. */
  update(state: ProgressState): void
  /** Ends the phase as finished. Does nothing when none is open. */
  done(): void
  /** Ends the phase as given up: leaves no trace of the bar. Does nothing when none is open. */
  stop(): void
}
