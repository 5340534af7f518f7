import type { CorruptObjectCode } from '../objects/errors.ts'
import type {
  PairingErrorCode,
  ProtocolErrorCode,
  ShareErrorCode,
  StateErrorCode,
  StoreErrorCode,
  TransportErrorCode,
  VaultErrorCode,
} from '../ports/errors.ts'
import type { HistoryErrorCode } from '../engine/history-queries.ts'
import type { MirrorErrorCode } from '../ports/mirror-error.ts'
import type { ControlErrorCode } from './control-message.ts'
import { ExitCode } from './exit-codes.ts'
import type { UsageErrorCode } from './usage-error.ts'

/** What one error code means to a person. `{path}` and the like are filled in from the error's data. */
export interface Sentence {
  readonly exitCode: ExitCode
  /** What happened. */
  readonly message: string
  /** What to do. */
  readonly hint: string
  /** The error's own words: shown below the sentence when they differ (the default), in its place, or not at all. */
  readonly words?: 'instead' | 'never'
}

const entry = (exitCode: ExitCode, message: string, hint: string): Sentence => ({ exitCode, message, hint })
/** The error's own words are written for people and name what the sentence cannot: these are shown, and the sentence when there are none. */
const inItsWords = (exitCode: ExitCode, message: string, hint: string): Sentence => ({
  exitCode,
  message,
  hint,
  words: 'instead',
})
/** The sentence with the path in it says everything. */
const alone = (exitCode: ExitCode, message: string, hint: string): Sentence => ({
  exitCode,
  message,
  hint,
  words: 'never',
})

const vault: Record<VaultErrorCode, Sentence> = {
  'no-vault': alone(ExitCode.vault, 'There is no vault at {path}.', 'Check the path. Is the drive connected?'),
  'not-a-folder': alone(ExitCode.vault, '{path} is not a folder.', 'Name the folder that Obsidian opens as the vault.'),
  unreadable: entry(
    ExitCode.vault,
    '{path} cannot be read.',
    'Check its permissions, then try again. Nothing was taken for deleted.',
  ),
  unwritable: entry(
    ExitCode.cannotWrite,
    '{path} cannot be written.',
    'Check the permissions of the file and its folder, then try again.',
  ),
  vanished: entry(
    ExitCode.vault,
    '{path} disappeared while it was read.',
    'Try again. If it keeps happening, another program is moving files in the vault.',
  ),
  unstable: entry(
    ExitCode.vault,
    '{path} keeps changing while it is read.',
    'Wait until the other program has finished writing it, then try again.',
  ),
  'disk-full': entry(
    ExitCode.cannotWrite,
    'The disk is full, so {path} was not written.',
    'Free some space and start again: it continues where it stopped.',
  ),
  'bad-path': entry(
    ExitCode.vault,
    '{path} is not a path inside the vault.',
    'Give a path relative to the vault, like Folder/Note.md.',
  ),
  'trash-failed': entry(
    ExitCode.cannotWrite,
    '{path} could not be moved to the trash.',
    'It was left where it is. Check the permissions of the vault folder, then try again.',
  ),
}

const state: Record<StateErrorCode, Sentence> = {
  'in-use': inItsWords(
    ExitCode.state,
    'The state folder is in use by another process.',
    'Stop that process first. Two at once on one state folder could lose data.',
  ),
  'other-vault': inItsWords(
    ExitCode.state,
    'The state folder belongs to another vault.',
    'Give this vault a folder of its own with --state.',
  ),
  'newer-version': inItsWords(
    ExitCode.state,
    'The state folder was written by a newer version of Tandem.',
    'Update Tandem on this device.',
  ),
  damaged: inItsWords(
    ExitCode.state,
    'The state folder is damaged.',
    'Run tandem init: it sets a damaged data.json aside and keeps what else there is. If that does not help, move the state folder away, run tandem init again, and pair anew: your notes and the other devices keep everything.',
  ),
  'not-initialised': inItsWords(ExitCode.state, 'This vault is not set up for Tandem yet.', 'Run tandem init first.'),
  'inside-vault': inItsWords(
    ExitCode.state,
    'The state folder lies inside the vault.',
    'Choose a folder outside the vault with --state.',
  ),
}

const pairing: Record<PairingErrorCode, Sentence> = {
  'bad-link': inItsWords(
    ExitCode.pairing,
    'The link is damaged or incomplete.',
    'Copy the whole link again, and put it in quotes: without them the shell cuts it at the first &.',
  ),
  expired: inItsWords(
    ExitCode.pairing,
    'The link has expired.',
    'Run tandem invite again on the other device: a link lives ten minutes.',
  ),
  used: inItsWords(
    ExitCode.pairing,
    'The link has been used already.',
    'Run tandem invite again on the other device: a link works once.',
  ),
  mismatch: inItsWords(
    ExitCode.pairing,
    'The other device did not accept the secret of the link.',
    'Run tandem invite again on the other device and use the new link.',
  ),
  self: inItsWords(ExitCode.pairing, 'The link comes from this very device.', 'Use it on the other device.'),
  declined: inItsWords(
    ExitCode.pairing,
    'The pairing was declined.',
    'To try again, run tandem invite and tandem join once more, and say yes on both when the codes are the same.',
  ),
  'rate-limited': inItsWords(
    ExitCode.pairing,
    'There were too many attempts to pair.',
    'Wait a minute, then try again.',
  ),
  timeout: inItsWords(
    ExitCode.pairing,
    'The other device did not finish the pairing in time.',
    'Keep both commands running and try again.',
  ),
  'too-many-peers': inItsWords(
    ExitCode.pairing,
    'This device is paired with as many others as its setting maxPeers allows.',
    'To raise it, run: tandem config VAULT maxPeers 32.',
  ),
}

const transport: Record<TransportErrorCode, Sentence> = {
  unreachable: entry(
    ExitCode.network,
    'The other device cannot be reached.',
    'Is it switched on, online, and running tandem up?',
  ),
  timeout: entry(
    ExitCode.network,
    'The other device did not answer in time.',
    'Check the network on both sides, then try again.',
  ),
  disconnected: entry(ExitCode.network, 'The connection was lost.', 'Try again: what has arrived is kept.'),
  reset: entry(ExitCode.network, 'The other device broke off the transfer.', 'Try again: what has arrived is kept.'),
  aborted: entry(ExitCode.interrupted, 'Interrupted.', 'Start again to continue where it stopped.'),
  closed: entry(ExitCode.network, 'The network was shut down while it was in use.', 'Start again.'),
  'bad-ticket': entry(
    ExitCode.pairing,
    'The address in the link makes no sense.',
    'Copy the whole link again, in quotes.',
  ),
  'bind-failed': entry(
    ExitCode.network,
    'The network port could not be opened.',
    'Choose another one with --bind, or let the system choose: --bind 0.0.0.0:0.',
  ),
  'no-native': entry(
    ExitCode.network,
    'The network component does not run on this system.',
    'Run npm install again on this machine; it needs 64-bit Linux, Windows or a Mac with Apple silicon.',
  ),
}

const bothUpdate = 'Update Tandem on both devices. If it happens again, please report it.'
const protocol: Record<ProtocolErrorCode, Sentence> = {
  'bad-frame': entry(ExitCode.network, 'The other device sent something unintelligible.', bothUpdate),
  'frame-too-large': entry(ExitCode.network, 'The other device sent a message that is too large.', bothUpdate),
  'bad-message': entry(ExitCode.network, 'The other device sent something unintelligible.', bothUpdate),
  'out-of-order': entry(ExitCode.network, 'The other device answered out of turn.', bothUpdate),
  version: entry(
    ExitCode.network,
    'The two devices run versions that cannot talk to each other.',
    'Update the older one.',
  ),
  identity: entry(ExitCode.pairing, 'The other device is not the one it claims to be.', 'Remove it and pair again.'),
  unauthorised: entry(
    ExitCode.pairing,
    'The other device does not know this one.',
    'Pair the two again: tandem invite there, tandem join here.',
  ),
  'hello-timeout': entry(
    ExitCode.network,
    'The other device connected but did not speak.',
    'Restart Tandem there, then try again.',
  ),
  limit: entry(ExitCode.network, 'The other device sent more than is allowed.', bothUpdate),
  refused: entry(ExitCode.network, 'The other device refused.', 'See its messages, then try again.'),
}

const storeDamage = 'Your notes are not touched. Move the state folder away, run tandem init again, and pair anew.'
const corrupt: Record<CorruptObjectCode | 'missing-object', Sentence> = {
  'bad-oid': entry(ExitCode.usage, 'That is not an object id.', 'Take one from tandem log.'),
  'bad-path': entry(
    ExitCode.usage,
    '{path} is not a path that a vault can hold.',
    'Give a path relative to the vault, like Folder/Note.md.',
  ),
  'bad-object': entry(ExitCode.state, 'Something in the history is damaged.', storeDamage),
  'bad-tree': entry(ExitCode.state, 'Something in the history is damaged.', storeDamage),
  'bad-commit': entry(ExitCode.state, 'Something in the history is damaged.', storeDamage),
  'bad-pack': entry(ExitCode.state, 'A pack is damaged.', storeDamage),
  'bad-delta': entry(ExitCode.state, 'A pack is damaged.', storeDamage),
  'bad-zlib': entry(ExitCode.state, 'Something in the history is damaged.', storeDamage),
  'missing-base': entry(ExitCode.state, 'A pack lacks something that it builds on.', storeDamage),
  'hash-mismatch': entry(ExitCode.state, 'Something in the history is not what its name says.', storeDamage),
  'too-large': entry(ExitCode.state, 'Something in the history is larger than is allowed.', storeDamage),
  'bad-pkt-line': entry(ExitCode.network, 'The git conversation was broken off or damaged.', 'Try again.'),
  'missing-object': entry(ExitCode.state, 'The history lacks something that it names.', storeDamage),
}

const store: Record<StoreErrorCode, Sentence> = {
  'disk-full': entry(
    ExitCode.cannotWrite,
    'The disk with the state folder is full.',
    'Free some space and start again: it continues where it stopped.',
  ),
  unwritable: entry(
    ExitCode.cannotWrite,
    'The state folder cannot be written.',
    'Check its permissions, and that no other program holds its files.',
  ),
  unreadable: entry(ExitCode.state, 'The state folder cannot be read.', 'Check its permissions.'),
  damaged: entry(
    ExitCode.state,
    'The history in the state folder is damaged.',
    'Your notes are not touched. What is damaged comes again from a device that has it, while tandem up runs. If none has it, move the state folder away, run tandem init again, and pair anew.',
  ),
  'not-a-repository': entry(
    ExitCode.state,
    'The state folder holds something that is no repository of Tandem.',
    'Choose another folder with --state.',
  ),
  'bad-ref': entry(ExitCode.unexpected, 'A ref cannot have the name that it should get.', 'Please report it.'),
  busy: entry(ExitCode.unexpected, 'The same file is being received twice.', 'Try again in a moment.'),
  closed: entry(ExitCode.unexpected, 'The repository was closed while it was in use.', 'Start again.'),
}

const usage: Record<UsageErrorCode, Sentence> = {
  usage: inItsWords(ExitCode.usage, 'The command makes no sense.', 'See tandem --help, or tandem COMMAND --help.'),
  'needs-terminal': inItsWords(
    ExitCode.usage,
    'There is no terminal to ask.',
    'Run it in a terminal, or add --yes to agree beforehand: the secret in the link then has to suffice.',
  ),
}

const history: Record<HistoryErrorCode, Sentence> = {
  'no-commit': inItsWords(ExitCode.usage, 'There is no such commit.', 'Take one from the first column of tandem log.'),
  ambiguous: inItsWords(
    ExitCode.usage,
    'Several commits begin like that.',
    'Give more digits of the one that you mean.',
  ),
  'no-file': inItsWords(
    ExitCode.usage,
    'That commit holds no such file.',
    'The commits that changed it are listed by tandem log VAULT PATH. Paths are written as in the vault: Folder/Note.md.',
  ),
  'bad-path': inItsWords(
    ExitCode.usage,
    'That is not a path in the vault.',
    'Give a path relative to the vault, like Folder/Note.md.',
  ),
}

const share: Record<ShareErrorCode, Sentence> = {
  unknown: inItsWords(
    ExitCode.usage,
    'There is no such share.',
    'See tandem shares; tandem share makes one of a folder.',
  ),
  ambiguous: inItsWords(ExitCode.usage, 'Several shares are called that.', 'Give the folder, or more of the id.'),
  'bad-folder': inItsWords(
    ExitCode.usage,
    'That folder cannot be a share.',
    'Give a folder of the vault, as seen from the vault: Projects/Plan.',
  ),
  overlaps: inItsWords(
    ExitCode.usage,
    'The folder overlaps with another share.',
    'Choose a folder that is neither inside another share nor around one: see tandem shares.',
  ),
  'not-empty': inItsWords(
    ExitCode.usage,
    'There is something in that folder already.',
    'Choose a folder that is empty or not there yet, with --into FOLDER.',
  ),
  'there-already': inItsWords(ExitCode.usage, 'This share is here already.', 'See tandem shares.'),
  'not-offered': inItsWords(
    ExitCode.usage,
    'No connected device shares that with this one.',
    'Keep tandem up running on both devices, then look at tandem shares.',
  ),
  'too-many': inItsWords(
    ExitCode.usage,
    'There are too many shared folders.',
    'Share a folder around several of them.',
  ),
}

const mirror: Record<MirrorErrorCode, Sentence> = {
  'no-git': entry(
    ExitCode.network,
    'A mirror in a folder needs git, which is not installed here.',
    'Install git, or name a git daemon: git://HOST/PATH.',
  ),
  'not-a-repository': inItsWords(
    ExitCode.network,
    'The mirror is no git repository.',
    'Name a bare git repository, or a folder that is empty or not there yet: tandem mirror makes it one.',
  ),
  'inside-vault': inItsWords(ExitCode.usage, 'The mirror lies inside the vault.', 'Choose a folder elsewhere.'),
  refused: entry(
    ExitCode.network,
    "The mirror's git refused.",
    'Nothing that it holds was lost. Check that it is there, may be written, and allows pushes (git daemon --enable=receive-pack).',
  ),
  damaged: entry(
    ExitCode.network,
    'The mirror is damaged.',
    'Check it with git fsck. To begin it anew, name another folder: the vault holds the whole history.',
  ),
  'not-forward': inItsWords(
    ExitCode.notInStep,
    'The mirror holds edits that would be hidden.',
    'Everything else was copied. To take those edits into the vault: tandem mirror VAULT URL --restore.',
  ),
  'nothing-there': inItsWords(
    ExitCode.network,
    'The mirror is empty.',
    'Check the path or URL: tandem mirror VAULT URL fills it.',
  ),
  unrelated: inItsWords(
    ExitCode.usage,
    'The vault and the mirror have nothing in common.',
    'Nothing was changed. Name another mirror, or restore into an empty folder: --restore --into FOLDER.',
  ),
}

const control: Record<ControlErrorCode, Sentence> = {
  'not-running': entry(ExitCode.state, 'Tandem is not running on this vault.', 'Start it with tandem up.'),
  gone: entry(
    ExitCode.state,
    'The running tandem process ended before it answered.',
    'Look at its messages, then try again.',
  ),
  'bad-line': entry(
    ExitCode.state,
    'The running tandem process answered with something unintelligible.',
    'Is it of another version? Restart tandem up.',
  ),
  'too-large': entry(
    ExitCode.unexpected,
    'The answer of the running tandem process is too large.',
    'Please report it.',
  ),
  'unknown-method': entry(
    ExitCode.state,
    'The running tandem process does not know this command.',
    'It is of another version: restart tandem up.',
  ),
  'too-many': entry(ExitCode.state, 'The running tandem process has too much to do at once.', 'Try again in a moment.'),
  aborted: entry(ExitCode.interrupted, 'Interrupted.', 'Start again to continue where it stopped.'),
  unexpected: entry(
    ExitCode.unexpected,
    'The running tandem process met an unexpected error.',
    'Please report it with the text above.',
  ),
}

/** By the error's `name`, then by its `code`. */
export const sentences: Readonly<Record<string, Readonly<Record<string, Sentence>>>> = {
  VaultError: vault,
  StateError: state,
  StoreError: store,
  PairingError: pairing,
  ShareError: share,
  TransportError: transport,
  ProtocolError: protocol,
  CorruptObjectError: corrupt,
  MissingObjectError: corrupt,
  UsageError: usage,
  HistoryError: history,
  ControlError: control,
  MirrorError: mirror,
}

/** Errors of the operating system that were not wrapped: they come with a path, and in upper case. */
export const systemSentences: Readonly<Record<string, Sentence>> = {
  ENOSPC: vault['disk-full'],
  EDQUOT: vault['disk-full'],
  EROFS: vault.unwritable,
  EACCES: entry(ExitCode.cannotWrite, '{path} may not be read or written.', 'Check the permissions.'),
  EPERM: entry(ExitCode.cannotWrite, '{path} may not be read or written.', 'Check the permissions.'),
  ENOENT: entry(ExitCode.vault, 'There is nothing at {path}.', 'Check the path.'),
  ENOTDIR: entry(ExitCode.vault, '{path} is not a folder.', 'Check the path.'),
  EMFILE: entry(
    ExitCode.unexpected,
    'Too many files are open at once.',
    'Raise the limit (ulimit -n), then try again.',
  ),
  EADDRINUSE: entry(ExitCode.network, 'The network port is in use already.', 'Choose another one with --bind.'),
}
