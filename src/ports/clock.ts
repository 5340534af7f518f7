export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Offset of local time from UTC at `now()`, minutes east. For commit identities only. */
  zoneMinutes(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back once, unless cancelled by the function returned. */
  after(ms: number, then: () => void): () => void
  /**
   * A promise of a turn for others when work has kept the thread for a while, else undefined. Long work asks for it every few dozen
   * items. Missing where nobody waits for the thread.
   */
  breathe?(): Promise<void> | undefined
}

/** {@link Clock.breathe}, for those who need nothing else of a clock. */
export type Breathe = () => Promise<void> | undefined
