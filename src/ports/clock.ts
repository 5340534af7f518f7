export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Offset of local time from UTC at `now()`, minutes east. For commit identities only. */
  zoneMinutes(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls back once, unless cancelled by the function returned. */
  after(ms: number, then: () => void): () => void
}
