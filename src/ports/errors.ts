/** Base of our typed errors: told apart by `code`, never by text. */
export abstract class TandemError<Code extends string> extends Error {
  readonly code: Code
  readonly data: Readonly<Record<string, unknown>>
  constructor(code: Code, message: string, data: Record<string, unknown> = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.data = data
  }
}

export type VaultErrorCode =
  | 'no-vault'
  | 'not-a-folder'
  | 'unreadable'
  | 'unwritable'
  | 'vanished'
  | 'unstable'
  | 'disk-full'
  | 'bad-path'
  | 'trash-failed'

/** Something about the vault's files on this device. `data.path` names the place. */
export class VaultError extends TandemError<VaultErrorCode> {
  override readonly name = 'VaultError'
}

export type TransportErrorCode =
  | 'unreachable'
  | 'timeout'
  | 'disconnected'
  | 'reset'
  | 'aborted'
  | 'closed'
  | 'bad-ticket'
  | 'bind-failed'
  | 'no-native'

/** The network. `retryable` unless the fault is in what was asked. */
export class TransportError extends TandemError<TransportErrorCode> {
  override readonly name = 'TransportError'
  get retryable(): boolean {
    return (
      this.code === 'unreachable' || this.code === 'timeout' || this.code === 'disconnected' || this.code === 'reset'
    )
  }
}

export type ProtocolErrorCode =
  | 'bad-frame'
  | 'frame-too-large'
  | 'bad-message'
  | 'out-of-order'
  | 'version'
  | 'identity'
  | 'unauthorised'
  | 'hello-timeout'
  | 'limit'
  | 'refused'

/** The other side broke the protocol; ends that one link. `closeCode` goes with the close. */
export class ProtocolError extends TandemError<ProtocolErrorCode> {
  override readonly name = 'ProtocolError'
}

export type StateErrorCode = 'in-use' | 'other-vault' | 'newer-version' | 'damaged' | 'not-initialised' | 'inside-vault'

/** This device's own state folder. */
export class StateError extends TandemError<StateErrorCode> {
  override readonly name = 'StateError'
}

export type PairingErrorCode =
  'bad-link' | 'expired' | 'used' | 'mismatch' | 'self' | 'declined' | 'rate-limited' | 'timeout' | 'too-many-peers'

export class PairingError extends TandemError<PairingErrorCode> {
  override readonly name = 'PairingError'
}

export type ShareErrorCode =
  'unknown' | 'ambiguous' | 'bad-folder' | 'overlaps' | 'not-empty' | 'there-already' | 'not-offered' | 'too-many'

/** Folders that are shares of their own: what a person asked for cannot be. */
export class ShareError extends TandemError<ShareErrorCode> {
  override readonly name = 'ShareError'
}

export type StoreErrorCode =
  'disk-full' | 'unwritable' | 'unreadable' | 'damaged' | 'not-a-repository' | 'bad-ref' | 'busy' | 'closed'

/**
 * The stores of objects, refs and index entries on this device. What failed left nothing half-written.
 * `disk-full`: no space or quota left. `unwritable`, `unreadable`: the system refuses (`data.errno` says how).
 * `damaged`: what lies there is not what was written. `bad-ref`: no such ref can exist (its name, or a ref in its way).
 * `not-a-repository`: the folder holds something else. `busy`: the same blob is being received already. `closed`: used after `close`.
 */
export class StoreError extends TandemError<StoreErrorCode> {
  override readonly name = 'StoreError'
}
