import type { HistoryErrorCode } from '../../engine/history-queries.ts'
import {
  PairingError,
  ShareError,
  StoreError,
  TransportError,
  VaultError,
  type PairingErrorCode,
  type ShareErrorCode,
  type StoreErrorCode,
  type TransportErrorCode,
  type VaultErrorCode,
} from '../../ports/errors.ts'

/** What an error means to a person. */
export interface ErrorSentence {
  readonly what: string
  /** What to do next. */
  readonly next: string
}

const say = (what: string, next: string): ErrorSentence => ({ what, next })

const pairing: Record<PairingErrorCode, ErrorSentence> = {
  'bad-link': say(
    'This is not a complete pairing link.',
    'Copy the whole link from the other device, and paste it again.',
  ),
  expired: say('The link has expired: it lives ten minutes.', 'Make a new link on the first device.'),
  used: say('The link has been used already: it works once.', 'Make a new link on the first device.'),
  mismatch: say(
    'The other device did not accept this link. It has expired, was used or was cancelled.',
    'Make a new link there, and use that one.',
  ),
  self: say('This link was made on this very device.', 'Open it on the other device.'),
  declined: say('The pairing was cancelled.', 'Start again, and say yes on both devices when the codes are the same.'),
  'rate-limited': say('There were too many attempts to pair.', 'Wait a minute, then try again.'),
  timeout: say(
    'The other device did not finish the pairing in time.',
    'Keep both screens open until both say that they are paired, and try again.',
  ),
  'too-many-peers': say(
    'One of the two devices is paired with as many others as it can be.',
    'Remove a device that you no longer use, or raise the limit in the advanced settings.',
  ),
}

const transport: Record<TransportErrorCode, ErrorSentence> = {
  unreachable: say(
    'The other device cannot be reached.',
    'Check that Obsidian is open there, and that both devices are online.',
  ),
  timeout: say('The other device did not answer in time.', 'Check the network on both devices, then try again.'),
  disconnected: say('The connection was lost.', 'Try again. What has arrived is kept.'),
  reset: say('The other device broke off the transfer.', 'Try again. What has arrived is kept.'),
  aborted: say('It was cancelled.', 'Start again whenever you like.'),
  closed: say('Sync was stopped meanwhile.', 'Turn sync on again, then try again.'),
  'bad-ticket': say('The address in the link makes no sense.', 'Copy the whole link again.'),
  'bind-failed': say(
    'The network port could not be opened.',
    'Restart Obsidian. If it stays so, a firewall or another program is in the way.',
  ),
  'no-native': say(
    'The network component is missing on this device.',
    'Install it in the settings of Tandem, under “Advanced”.',
  ),
}

const vault: Record<VaultErrorCode, ErrorSentence> = {
  'no-vault': say("The vault's folder is not there.", 'Check that its drive is connected.'),
  'not-a-folder': say("The vault's folder is not a folder any more.", 'Open the right folder as the vault.'),
  unreadable: say('A file cannot be read.', 'Check its permissions. Nothing was taken for deleted.'),
  unwritable: say('A file cannot be written.', 'Check its permissions and those of its folder.'),
  vanished: say('A file disappeared while it was read.', 'Try again.'),
  unstable: say('The file is being changed right now.', 'Wait a moment, then try again.'),
  'disk-full': say('The disk is full.', 'Free some space: sync goes on where it stopped.'),
  'bad-path': say('The file cannot have this name on this device.', 'Rename it on a device that has it.'),
  'trash-failed': say('A file could not be moved to the trash.', 'It was left where it is. Check its permissions.'),
}

const store: Record<StoreErrorCode, ErrorSentence> = {
  'disk-full': say('There is no space left for the history.', 'Free some space: sync goes on where it stopped.'),
  unwritable: say('The history cannot be written.', 'Restart Obsidian, then try again.'),
  unreadable: say('The history cannot be read.', 'Restart Obsidian, then try again.'),
  damaged: say(
    'A part of the history on this device is damaged.',
    'Your notes are not touched. It comes again as soon as a device that has it is connected.',
  ),
  'not-a-repository': say(
    'The history on this device is damaged.',
    'Your notes are not touched. Remove this device on the others, set it up anew, and pair it again.',
  ),
  'bad-ref': say('The history holds a name that cannot be.', 'Please report this with the diagnostics.'),
  busy: say('The same file is being received already.', 'Try again in a moment.'),
  closed: say('Sync was stopped meanwhile.', 'Turn sync on again, then try again.'),
}

const share: Record<ShareErrorCode, ErrorSentence> = {
  unknown: say('This folder is not shared any more.', 'Look at the list of shared folders in the settings.'),
  ambiguous: say('Several shared folders are called like that.', 'Give them different names.'),
  'bad-folder': say(
    'This folder cannot be shared.',
    'Choose one that is in the vault, is not hidden, and is not left out on this device.',
  ),
  overlaps: say(
    'This folder lies in a shared folder, or holds one.',
    'Choose a folder apart from those that are shared already.',
  ),
  'not-empty': say('There is something at that place already.', 'Choose the name of a folder that is free.'),
  'there-already': say('This folder is here already.', 'Look at the list of shared folders in the settings.'),
  'not-offered': say(
    'The device that offers this folder is not connected, or offers it no more.',
    'Try again when it is connected.',
  ),
  'too-many': say('There are as many shared folders as a device can have.', 'End one that is no longer needed.'),
}

const history: Record<HistoryErrorCode, ErrorSentence> = {
  'no-commit': say('This version is not in the history any more.', 'Open the history again.'),
  ambiguous: say('Several versions begin like that.', 'Open the history again.'),
  'no-file': say('This version does not hold the note.', 'Choose another version.'),
  'bad-path': say('This is not a note of the vault.', 'Open the note, then its history.'),
}

/** Any error in words: what happened, and what to do. */
export function errorSentence(error: unknown): ErrorSentence {
  if (error instanceof PairingError) return pairing[error.code]
  if (error instanceof TransportError) return transport[error.code]
  if (error instanceof VaultError) return vault[error.code]
  if (error instanceof StoreError) return store[error.code]
  if (error instanceof ShareError) return share[error.code]
  const code = error instanceof Error && error.name === 'HistoryError' && 'code' in error ? String(error.code) : ''
  if (code in history) return history[code as HistoryErrorCode]
  const words = error instanceof Error ? error.message : String(error)
  return say(
    `Something unexpected happened: ${words.trim().replace(/\.$/, '')}.`,
    'Try again. If it happens again, report it with the diagnostics.',
  )
}
