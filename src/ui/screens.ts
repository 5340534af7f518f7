import type { App } from 'obsidian'
import type { OpenOffer } from '../engine/folder-shares.ts'
import type { Share } from '../engine/share.ts'
import type { TandemFace } from './face.ts'
import type { FolderInvitation } from './pairing/invite-modal.ts'
import type { TransferWatch } from './transfer-watch.ts'

/** Where each screen can be opened from, so that no screen needs to know how another one is made. */
export interface Screens {
  readonly app: App
  readonly face: TandemFace
  readonly transfers: TransferWatch
  addDevice(): void
  /** With a link: asks whether to follow it in this vault. */
  joinDevice(link?: string): void
  /** Without a folder: asks which one. */
  shareFolder(folder?: string): void
  /** A link to a folder alone. */
  inviteToFolder(invitation: FolderInvitation): void
  acceptOffer(offer: OpenOffer): void
  /** Of the first share that waits, unless one is given. */
  askConsent(share?: Share): void
  openActivity(): void
  openConflicts(): void
  /** Of a note, or the list of deleted notes. */
  openHistory(path: string | null): void
  openSettings(): void
  copyDiagnostics(): Promise<void>
}
