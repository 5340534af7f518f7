export type CorruptObjectCode =
  | 'bad-oid'
  | 'bad-object'
  | 'bad-tree'
  | 'bad-path'
  | 'bad-commit'
  | 'bad-pack'
  | 'bad-delta'
  | 'bad-zlib'
  | 'missing-base'
  | 'hash-mismatch'
  | 'too-large'
  | 'bad-pkt-line'

/** Bytes that claim to be a git object, a pack or a path and are not. Never retried: the same bytes stay wrong. */
export class CorruptObjectError extends Error {
  override readonly name = 'CorruptObjectError'
  readonly code: CorruptObjectCode
  readonly data: Readonly<Record<string, unknown>>
  constructor(code: CorruptObjectCode, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.data = data
  }
}

/** An oid was asked of a store that does not hold it. */
export class MissingObjectError extends Error {
  override readonly name = 'MissingObjectError'
  readonly code = 'missing-object'
  readonly oid: string
  constructor(oid: string) {
    super(`object ${oid} is not in the store`)
    this.oid = oid
  }
}
