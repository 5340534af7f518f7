import { ExitCode, exitCodeLine } from './exit-codes.ts'

/** What `--help` of one command teaches beyond its options. Lines of at most 80 columns: nothing wraps them. */
export interface CommandHelp {
  /** In the list of commands. */
  readonly summary: string
  readonly description: string
  readonly arguments?: Readonly<Record<string, string>>
  /** A command line, and what it is for. */
  readonly examples: readonly (readonly [string, string])[]
  /** Beyond 0, 2, 3 and 4, which every command may end with. */
  readonly exits?: readonly ExitCode[]
}

export const commandHelp = {
  init: {
    summary: 'make this device ready for a vault',
    description:
      "Gives this device an identity (a key of its own) and an empty history for a vault. Everything lies in a state folder in the user's data folder, never inside the vault; the vault itself is not touched. Repeating it changes the options that are given and nothing else.",
    examples: [
      ['tandem init ~/Notes', "the device is called by the host's name"],
      ['tandem init ~/Notes --name "Attic server"', 'so that others recognise it'],
    ],
    exits: [ExitCode.cannotWrite],
  },
  invite: {
    summary: 'show a link and QR code, wait until another device joins',
    description:
      'Shows a pairing link as text and as a QR code and waits until another device has used it. A link works once, for ten minutes. Both devices then show the same short code; say yes on both when the codes are equal. Works while tandem up runs on the vault, and without.',
    examples: [
      ['tandem invite ~/Notes', 'then tandem join on the other device'],
      ['tandem invite ~/Notes --yes --json', "for scripts: a line with the link, then one with the peer's id"],
      ['tandem invite ~/Notes --share Projects/Plan', 'for somebody else: that folder, and nothing more'],
    ],
    exits: [ExitCode.pairing, ExitCode.network, ExitCode.interrupted],
  },
  join: {
    summary: 'pair with the device that showed a link',
    description:
      'Follows the link that tandem invite, or Obsidian, showed on another device. Put it in quotes. Both devices show a short code; say yes on both when the codes are equal. Nothing of the vault moves before that.',
    arguments: { link: 'the whole link, obsidian://tandem-sync?…' },
    examples: [
      ["tandem join ~/Notes 'obsidian://tandem-sync?ticket=…'", ''],
      ["tandem join ~/Notes 'LINK' --into Shared/Plan", 'for a link that shares a single folder'],
    ],
    exits: [ExitCode.pairing, ExitCode.network, ExitCode.interrupted],
  },
  up: {
    summary: 'keep the vault in step until Ctrl-C',
    description:
      'Watches the vault, commits what changes, and exchanges it with every paired device that is reachable. What both sides changed is merged; what cannot be merged is kept twice. Other commands can be used meanwhile, in another terminal.',
    examples: [
      ['tandem up ~/Notes', 'keeps running; Ctrl-C stops it in order'],
      ['tandem up ~/Notes --once', 'for a timer: one exchange with whoever is reachable'],
    ],
    exits: [ExitCode.network, ExitCode.notInStep, ExitCode.cannotWrite, ExitCode.interrupted],
  },
  status: {
    summary: 'what is connected, in step, and waiting',
    description:
      'Tells whether the vault is in step: what is being worked on, what waits for an answer, which files make trouble, and one line per paired device.',
    examples: [
      ['tandem status ~/Notes', ''],
      ['tandem status ~/Notes --json | jq .peers', 'id, name, status, current … of every device'],
    ],
  },
  metrics: {
    summary: 'traffic, queues and round trips in numbers',
    description:
      'Tells per device and in total, since tandem up started: bytes and messages both ways, what waits and what was dropped, reconnections, round-trip time, path, the last trouble, and how many files are newer here (ahead) or there (behind). A dash means that it is not known.',
    examples: [
      ['tandem metrics ~/Notes', ''],
      ['tandem metrics ~/Notes --json | jq .total', 'bytesSent, bytesReceived, reconnects … of all'],
    ],
  },
  peers: {
    summary: 'the paired devices',
    description: 'Lists the paired devices: name, the beginning of the id, and how things stand with each.',
    examples: [['tandem peers ~/Notes', '']],
  },
  remove: {
    summary: 'end the pairing with a device',
    description:
      'Ends the pairing with a device: no connection in either direction any more. It keeps the files that it has; so does this device.',
    arguments: { peer: 'name of the device, or the beginning of its id' },
    examples: [['tandem remove ~/Notes "Old laptop"', '']],
    exits: [ExitCode.network],
  },
  share: {
    summary: 'make a folder of the vault a share of its own',
    description:
      'Makes a folder a share with a history of its own, so that it can be shared with somebody who gets nothing else of the vault, and learns no other name in it. The folder stays part of the vault for your own devices. Nobody has it before you say so: with tandem grant for a paired device, or tandem invite --share.',
    arguments: { folder: 'a folder, as seen from the vault: Projects/Plan' },
    examples: [['tandem share ~/Notes Projects/Plan', '']],
  },
  unshare: {
    summary: 'stop sharing a folder, with everybody',
    description:
      'Makes a shared folder an ordinary one again. One that you share is taken back from every device, and invitations to it end; one that was shared with you gets nothing any more, and what you change in it stays here. Its files stay where they are, on every device.',
    arguments: { share: 'its folder, its title, or the beginning of its id' },
    examples: [['tandem unshare ~/Notes Projects/Plan', '']],
  },
  shares: {
    summary: 'what is shared, with whom, and what others offer',
    description:
      'Lists the shares: the whole vault, folders of it, and those that other devices share with this one, with who may read or change them. What other devices offer and has no place here yet comes last.',
    examples: [['tandem shares ~/Notes', '']],
  },
  grant: {
    summary: 'let a paired device have a share',
    description:
      'Lets a paired device have a share, or changes what it may do with it. With --read-only it gets every change, and none of its own is taken. It chooses where the folder goes: tandem accept.',
    arguments: {
      share: 'a share (folder, title, or beginning of its id), and a device (name, or beginning of its id)',
    },
    examples: [
      ['tandem grant ~/Notes Projects/Plan "Bob\'s laptop"', ''],
      ['tandem grant ~/Notes Projects/Plan Bob --read-only', ''],
    ],
  },
  revoke: {
    summary: 'take a share back from a device',
    description:
      'Takes a share back: nothing more of it goes to that device or is taken from it, from this moment on, also in the middle of a transfer. What it has already stays there.',
    arguments: {
      share: 'a share (folder, title, or beginning of its id), and a device (name, or beginning of its id)',
    },
    examples: [['tandem revoke ~/Notes Projects/Plan Bob', '']],
  },
  accept: {
    summary: 'give a share of another device a place here',
    description:
      'Gives a folder that a connected device shares a place in this vault: a folder that is empty or not there yet. tandem shares lists what is offered. Needs tandem up running.',
    arguments: { share: 'its title, or the beginning of its id' },
    examples: [
      ['tandem accept ~/Notes Plan', 'into the folder Plan'],
      ['tandem accept ~/Notes Plan --into Shared/Plan', ''],
    ],
  },
  log: {
    summary: 'history of the vault, or of one file',
    description:
      'Lists commits, newest first: id, time, device, and what changed. With a path, those that changed that file. All devices share the history, so it can be long.',
    arguments: { path: 'a file, as seen from the vault: Folder/Note.md' },
    examples: [
      ['tandem log ~/Notes --limit 10', ''],
      ['tandem log ~/Notes Projects/Plan.md', 'versions of one note'],
    ],
  },
  show: {
    summary: 'print a file as it was at a commit',
    description:
      'Prints a file as it was at a commit, byte for byte. Commits are listed by tandem log; eight digits do.',
    arguments: { version: 'COMMIT:PATH' },
    examples: [
      ['tandem show ~/Notes 3f2a91c0:Projects/Plan.md', ''],
      ['tandem show ~/Notes 3f2a91c0:photo.jpg > photo.jpg', ''],
    ],
  },
  restore: {
    summary: 'bring an old version of a file back',
    description:
      'Brings an old version of a file back as an ordinary new edit: what is there now is committed first and stays in the history, and the other devices get the change like any other.',
    arguments: { path: 'a file, as seen from the vault: Folder/Note.md' },
    examples: [['tandem restore ~/Notes Projects/Plan.md --at 3f2a91c0', '']],
    exits: [ExitCode.cannotWrite],
  },
  approve: {
    summary: 'say yes to a change of very many files',
    description:
      'A change that would delete or overwrite more than 50 files and a fifth of the vault waits for an answer, on the device that it comes to as well as on the one where files vanished. This is the yes; tandem status shows what waits.',
    examples: [['tandem approve ~/Notes', '']],
    exits: [ExitCode.notInStep],
  },
  reject: {
    summary: 'say no to it: keep the files as they are here',
    description:
      'The no to a change of very many files. An incoming one is not done, and the other devices get the files back; files that vanished here are brought back.',
    examples: [['tandem reject ~/Notes', '']],
    exits: [ExitCode.notInStep],
  },
  config: {
    summary: 'show or change the settings of this device',
    description:
      'Without a setting, lists all of them with their values, defaults, and what is allowed. With one, tells about it; with a value, too, sets it. Settings are kept in the state folder and count from the next start of tandem up; an option on the command line comes first.',
    arguments: { key: 'a setting, as listed, and what it shall be (lists with commas)' },
    examples: [
      ['tandem config ~/Notes', 'what there is'],
      ['tandem config ~/Notes maxPeers 32', 'pair with more devices'],
      ['tandem config ~/Notes --unset maxPeers', 'back to the default'],
    ],
  },
  repo: {
    summary: "print the folder of the vault's git repository",
    description:
      'Prints the folder of the bare git repository that holds the history. Stock git can read and clone it; the branch main is what the vault shows. Leave the writing to Tandem.',
    examples: [
      ['git clone "$(tandem repo ~/Notes)" notes', 'the whole history in a folder of its own'],
      ['git clone tandem::Laptop notes', 'from a paired device; git push goes back into its vault'],
    ],
  },
  mirror: {
    summary: 'keep a copy of the history in a git repository',
    description:
      'Copies the history to an ordinary bare git repository, which stock git can read and clone: in a folder (on another disk, or mounted from elsewhere; it is made if need be, by git) or behind a git daemon. Only what is new is sent, and nothing that the mirror holds is ever lost. Run it from a timer: it ends when the copy is complete. Works while tandem up runs on the vault, and without.\n\nWith --restore, the way back: the vault gets what the mirror holds, as if a device had come back. Only a vault that is empty, or shares its history with the mirror, can be restored; what another device deleted goes to the trash, as ever. --into restores into a folder of its own and leaves the vault alone.',
    arguments: { url: 'a folder, or git://HOST[:PORT]/PATH' },
    examples: [
      ['tandem mirror ~/Notes /mnt/backup/notes.git', ''],
      ['tandem mirror ~/Notes git://attic.local/notes.git', 'with git daemon --enable=receive-pack there'],
      ['tandem mirror ~/Notes /mnt/backup/notes.git --restore', 'after tandem init on a new machine'],
      ['tandem mirror ~/Notes /mnt/backup/notes.git --restore --into ~/Look', ''],
    ],
    exits: [ExitCode.network, ExitCode.notInStep, ExitCode.cannotWrite, ExitCode.interrupted],
  },
} as const satisfies Record<string, CommandHelp>

export type CommandName = keyof typeof commandHelp

/** Examples and exit codes of a command, below its options. */
export function helpFooter({ examples, exits = [] }: CommandHelp): string {
  const codes = [ExitCode.ok, ...exits, ExitCode.usage, ExitCode.vault, ExitCode.state, ExitCode.unexpected]
  return [
    '',
    examples.length > 1 ? 'Examples:' : 'Example:',
    ...examples.flatMap(([line, why]) => (why ? [`  ${line}`, `      ${why}`] : [`  ${line}`])),
    '',
    'Exit codes:',
    ...codes.sort((a, b) => a - b).map(exitCodeLine),
  ].join('\n')
}

/** Below the list of commands. */
export const gettingStarted = `
To begin, on the first device:
  tandem init ~/Notes            makes it ready for the vault
  tandem invite ~/Notes          shows a link and a QR code, and waits
On the second one, where ~/Notes may be an empty folder:
  tandem init ~/Notes
  tandem join ~/Notes 'LINK'     pairs the two; compare the short code
Then on both:
  tandem up ~/Notes              keeps them in step until Ctrl-C

For scripts, every command takes --json: one object per line on stdout, the last
one {"event":"error", "code", "message", "hint"} when something went wrong.
"tandem help COMMAND" tells more about a command.`
