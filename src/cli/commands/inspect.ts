import type { Context } from '../context.ts'
import { openHistory } from '../engine-host.ts'
import { formatCount, formatNumber, formatRelativeTime, formatTime } from '../format.ts'
import { historyOperation } from '../operations.ts'
import { restingStatus, type DeviceStatus, type FolderStatus, type PeerStatusLine } from '../status.ts'
import { printable } from '../printable.ts'
import { shownPath } from '../shown-path.ts'
import type { Style } from '../style.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'
import type { LoggedCommit } from '../../engine/history-queries.ts'

async function readStatus(context: Context): Promise<DeviceStatus> {
  const state = context.openState()
  if (await context.isRunning()) return (await context.call('status', {})) as DeviceStatus
  return restingStatus(state, await state.loadPeers())
}

/** `tandem status`: one sentence per device, and what keeps the vault from being in step. */
export async function status(context: Context): Promise<void> {
  const { output } = context
  const report = await readStatus(context)
  const { style } = output
  output.human(`${style.bold(printable(report.device.name))}  ${shownPath(report.vault)}`)
  if (report.running) output.human(standing(report, style))
  else output.human(`${style.yellow('Not running.')} Start it with: ${style.bold(context.commandLine('up'))}`)
  const { share } = report
  if (share?.error) output.human(style.red(printable(share.error)))
  if (share?.consent) tellConsent(context, share.consent)
  for (const { kind, path, reason } of share?.issues ?? [])
    output.human(`${style.yellow(ISSUES[kind] ?? kind)} ${printable(path)}: ${printable(reason)}`)
  for (const folder of report.folders) tellFolder(context, folder)
  if (report.peers.length) output.human(`\n${peerTable(context, report.peers)}`)
  else tellNoPeers(context)
  output.object({ ...report })
}

/** A folder share has a line when something about it is not as it should be. */
function tellFolder(context: Context, { folder, from, access, unsent, status }: FolderStatus): void {
  const { output } = context
  const { style } = output
  const name = printable(folder)
  if (!status) output.human(style.red(`${name}: this share could not be opened.`))
  if (from !== null && access === null) output.human(`${style.yellow(`${name}: no longer shared with this device.`)}`)
  else if (unsent) output.human(`${style.yellow('Not sent: read-only.')} What was changed in ${name} stays here.`)
  if (status?.error) output.human(style.red(`${name}: ${printable(status.error)}`))
  if (status?.consent) tellConsent(context, status.consent, folder)
  for (const { kind, path, reason } of status?.issues ?? [])
    output.human(`${style.yellow(ISSUES[kind] ?? kind)} ${printable(`${folder}/${path}`)}: ${printable(reason)}`)
}

function standing({ share, folders, settled, peers: list }: DeviceStatus, style: Style): string {
  const files = formatCount(share?.files ?? 0, 'file')
  if (share?.consent || folders.some(({ status }) => status?.consent))
    return `${files}. ${style.yellow('A change waits for an answer.')}`
  if (!settled) return `${files}. Changes are being worked on.`
  const connected = list.filter((peer) => peer.status === 'connected' || peer.status === 'syncing')
  if (!list.length) return `${files}, everything committed.`
  if (!connected.length) return `${files}, everything committed. ${style.yellow('No device is connected.')}`
  if (connected.some((peer) => !peer.current)) return `${files}, everything committed. Devices are catching up.`
  const whom = connected.length === list.length ? 'all devices' : `${connected.length} of ${list.length} devices`
  return `${files}, ${style.green(`in step with ${whom}`)}.`
}

/** `folder`: of a folder share, whose paths begin there. */
function tellConsent(
  context: Context,
  consent: NonNullable<NonNullable<DeviceStatus['share']>['consent']>,
  folder = '',
): void {
  const { output } = context
  const { style } = output
  const what = [
    consent.deletes ? `delete ${formatCount(consent.deletes, 'file')}` : '',
    consent.overwrites ? `overwrite ${formatCount(consent.overwrites, 'file')}` : '',
  ].filter(Boolean)
  const whose = consent.direction === 'incoming' ? 'Another device wants to' : 'Files are gone here, which would'
  const where = consent.direction === 'incoming' ? 'here' : 'on the other devices'
  output.human(`\n${style.yellow(`${whose} ${what.join(' and ')} ${where}:`)}`)
  for (const path of consent.paths.slice(0, CONSENT_PATHS))
    output.human(`  ${printable(folder ? `${folder}/${path}` : path)}`)
  const rest = consent.deletes + consent.overwrites - Math.min(consent.paths.length, CONSENT_PATHS)
  if (rest > 0) output.human(style.dim(`  and ${formatNumber(rest)} more`))
  output.human(`Yes: ${style.bold(context.commandLine('approve'))}`)
  output.human(`No:  ${style.bold(context.commandLine('reject'))}`)
}

function tellNoPeers(context: Context): void {
  const { output } = context
  output.human('No devices are paired yet. To pair one:')
  output.human(`  ${output.style.bold(context.commandLine('invite'))}`)
}

/** Of a pending change, as far as a screen takes them; --json has more. */
const CONSENT_PATHS = 10

const ISSUES: Readonly<Record<string, string>> = {
  unreadable: 'Cannot read',
  skipped: 'Not synced:',
  notHere: 'Not on this device:',
  failed: 'Will be tried again:',
}

/** `tandem peers`: the paired devices. */
export async function peers(context: Context): Promise<void> {
  const report = await readStatus(context)
  if (report.peers.length) context.output.human(peerTable(context, report.peers))
  else tellNoPeers(context)
  for (const peer of report.peers) context.output.object({ ...peer })
}

function peerTable({ output }: Context, list: readonly PeerStatusLine[]): string {
  const rows = list.map((peer) => [peer.name, peer.id.slice(0, 10), sentence(peer)])
  return renderTable(
    [{ title: 'Device', shrinks: true }, { title: 'Id' }, { title: 'State', shrinks: true }],
    rows,
    output.style,
    output.columns,
  )
}

/** One plain sentence about a peer. */
export function sentence(peer: PeerStatusLine, now = Date.now()): string {
  if (peer.status === 'connected' || peer.status === 'syncing') {
    const how =
      peer.path?.kind === 'relay'
        ? 'Connected through a relay'
        : peer.path?.kind === 'local'
          ? 'Connected on the local network'
          : 'Connected directly'
    const what =
      peer.health === 'unhealthy'
        ? 'not answering'
        : peer.status === 'syncing'
          ? 'syncing'
          : peer.current
            ? 'up to date'
            : 'catching up'
    return `${how} · ${what}`
  }
  const seen =
    peer.lastSyncAt === null ? 'Never in step yet' : `Last in step ${formatRelativeTime(peer.lastSyncAt, now)}`
  if (peer.status === 'connecting') return `${seen} · connecting`
  return peer.lastError ? `${seen} · ${peer.lastError.message}` : seen
}

/** `tandem log`: commits of the vault, or of one file, newest first. */
export async function log(context: Context, path: string | undefined, options: { limit?: string }): Promise<void> {
  const limit = options.limit?.trim() === '' ? Number.NaN : Number(options.limit ?? 50)
  if (!Number.isInteger(limit) || limit < 1)
    throw new UsageError('usage', `--limit takes a positive number, not ${options.limit}`)
  const { output } = context
  let found = false
  await history(context, 'log', { limit, ...(path === undefined ? {} : { path }) }, (event) => {
    const { commit, device, seconds, zoneMinutes, subject, deleted } = event as LoggedCommit
    found = true
    output.human(
      `${output.style.yellow(commit.slice(0, 10))}  ${formatTime(seconds * 1000, zoneMinutes)}  ${output.style.bold(printable(device))}  ${printable(subject)}${deleted ? ' (deleted)' : ''}`,
    )
    output.object({ commit, device, at: seconds * 1000, subject, ...(deleted === undefined ? {} : { deleted }) })
  })
  if (!found)
    output.human(
      path === undefined
        ? 'Nothing has been committed yet.'
        : `No commit changed ${printable(path)}. Paths are written as in the vault: Folder/Note.md`,
    )
}

/** Bytes of a file that `show --json` gives in one line. */
const MAX_JSON_CONTENT = 64 * 1024 * 1024

/** `tandem show COMMIT:PATH`: an old version of a file, byte for byte, to stdout. */
export async function show(context: Context, name: string): Promise<void> {
  const colon = name.indexOf(':')
  if (colon < 1 || colon === name.length - 1)
    throw new UsageError('usage', 'tandem show takes COMMIT:PATH, such as 3f2a91c0:Folder/Note.md')
  const parts: Buffer[] = []
  let size = 0
  const result = (await history(
    context,
    'show',
    { commit: name.slice(0, colon), path: name.slice(colon + 1) },
    async (event) => {
      const content = Buffer.from((event as { data: string }).data, 'base64')
      context.signal.throwIfAborted()
      if (!context.output.json) return context.output.bytes(content)
      size += content.length
      if (size > MAX_JSON_CONTENT)
        throw new UsageError('usage', 'the file is too large for one line of JSON; leave --json out to get its bytes')
      parts.push(content)
    },
  )) as Record<string, unknown>
  context.output.object({ ...result, content: Buffer.concat(parts).toString('base64'), encoding: 'base64' })
}

/** `tandem repo`: the folder of the bare git repository. */
export function repo(context: Context): void {
  const { repository } = context.openState()
  context.output.human(repository)
  context.output.object({ repository })
}

async function history(
  context: Context,
  method: string,
  params: Record<string, unknown>,
  onEvent: (event: unknown) => void | Promise<void>,
): Promise<unknown> {
  const state = context.openState()
  const lock = await context.lockOrReach(method)
  if (lock === 'running') return context.call(method, params, onEvent)
  try {
    const repository = await openHistory(state)
    return await historyOperation(repository, { method, params }, onEvent)
  } finally {
    await lock.release()
  }
}
