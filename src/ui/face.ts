import type { Device } from '../engine/device.ts'
import type { PairingQuestion } from '../engine/pairing-session.ts'
import type { Settings } from '../engine/settings.ts'
import type { Share } from '../engine/share.ts'
import type { LogRecord } from '../ports/logger.ts'
import type { EndpointId } from '../ports/transport.ts'

/** How the plugin stands as a whole; every message is a sentence for people, with a next step. */
export type SyncCondition =
  | { readonly kind: 'starting' }
  | { readonly kind: 'running' }
  /** By the person, on this device; kept across restarts. */
  | { readonly kind: 'paused' }
  /** The vault, its history and its conflicts work; the network does not. */
  | { readonly kind: 'offline'; readonly reason: 'no-component' | 'unsupported' | 'failed'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }

/** The native network component on this device. */
export type ComponentCondition =
  | { readonly kind: 'installed'; readonly version: string }
  | { readonly kind: 'missing' }
  /** This kind of device has none: a phone, an Intel Mac. */
  | { readonly kind: 'unsupported'; readonly message: string }
  /** It is there and is not loaded: damaged, crashed the last time, refused by the system. */
  | { readonly kind: 'broken'; readonly message: string }

export interface ComponentFace {
  readonly condition: ComponentCondition
  /** What an installation brings, for the confirmation: name, size in bytes, the npm package that holds it (`name@version`), SHA-256 in hex. Null: none for this device. */
  readonly offer: {
    readonly file: string
    readonly bytes: number
    readonly source: string
    readonly sha256: string
  } | null
  /** Installs the bytes that the person chose. Throws an Error with a sentence. */
  installFile(bytes: Uint8Array): Promise<void>
  remove(): Promise<void>
}

/**
 * What the plugin's screens show and ask for: one object, handed to every screen by the composition root. The screens keep no
 * state of the sync themselves; they read it here and draw anew when `onChange` says so.
 */
export interface TandemFace {
  readonly vaultName: string
  readonly condition: SyncCondition
  /** Null while starting, paused or failed. */
  readonly device: Device | null
  /** The vault's share: history, conflicts, consent. Also there while paused or offline; null while starting or failed. */
  readonly share: Share | null
  readonly deviceName: string
  readonly deviceId: EndpointId | null
  readonly settings: Settings
  readonly component: ComponentFace
  rename(name: string): Promise<void>
  /** Stores settings that `settingProblem` found good, and applies them at once where that is possible. */
  changeSettings(change: Partial<Settings>): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  /** Looks at the vault and dials every peer now. */
  syncNow(): Promise<void>
  /**
   * Resolves when a pairing link that is made now would name every way to this device, or it was waited long enough: a few seconds
   * pass until the relay is known. Rejects when the signal aborts.
   */
  ready(signal: AbortSignal): Promise<void>
  /** Something that a screen shows may have changed; at most ten times a second. Returns the function that ends it. */
  onChange(listener: () => void): () => void
  /** While a screen leads a pairing in this role, its questions go there. Returns the function that ends it. */
  answerQuestions(
    role: PairingQuestion['role'],
    ask: (question: PairingQuestion, signal: AbortSignal) => Promise<boolean>,
  ): () => void
  /** Offered folders that a person said no to on this device, by the name of the share. They can still be accepted. */
  readonly declinedOffers: ReadonlySet<string>
  /** Remembers, or forgets, the no to an offered folder. The device that offers it is not told. */
  declineOffer(share: string, declined: boolean): void
  /** The activity log, oldest first, bounded; kept across restarts. */
  activity(): Promise<readonly LogRecord[]>
  clearActivity(): Promise<void>
  /** For "Copy diagnostics": JSON text without secrets, file names or contents. */
  diagnostics(): Promise<string>
}
