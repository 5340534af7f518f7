import type { App } from 'obsidian'
import type { TandemFace } from './face.ts'
import type { TransferWatch } from './transfer-watch.ts'

/** Where each screen can be opened from, so that no screen needs to know how another one is made. */
export interface Screens {
  readonly app: App
  readonly face: TandemFace
  readonly transfers: TransferWatch
  addDevice(): void
  /** With a link: asks whether to follow it in this vault. */
  joinDevice(link?: string): void
  askConsent(): void
  openActivity(): void
  openConflicts(): void
  /** Of a note, or the list of deleted notes. */
  openHistory(path: string | null): void
  openSettings(): void
  copyDiagnostics(): Promise<void>
}
