export interface Random {
  bytes(length: number): Uint8Array
  /** Uniform in [0, 1). For jitter, never for secrets. */
  fraction(): number
}
