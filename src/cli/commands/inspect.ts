import type { Context } from '../context.ts'
import { openHistory } from '../engine-host.ts'
import { formatRelativeTime, formatTime } from '../format.ts'
import { historyOperation } from '../operations.ts'
import { restingStatus, type DeviceStatus, type PeerStatusLine } from '../status.ts'
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
  output.human(`${style.bold(report.device.name)}  ${report.vault}`)
  if (!report.running) output.human(style.yellow('Not running.') + ' Start it with: tandem up')
  const { share } = report
  if (share) {
    output.human(
      `${share.files} files, ${report.settled ? 'all committed and written' : 'changes are being worked on'}`,
    )
    if (share.error) output.human(style.red(share.error))
    if (share.consent)
      output.human(
        style.yellow(
          `${share.consent.deletes} deletions and ${share.consent.overwrites} overwrites (${share.consent.direction}) wait for tandem approve or tandem reject`,
        ),
      )
    for (const { kind, path, reason } of share.issues)
      output.human(`${style.yellow(ISSUES[kind] ?? kind)} ${path}: ${reason}`)
  }
  if (report.peers.length) output.human(`\n${peerTable(context, report.peers)}`)
  else output.human('No devices are paired yet.')
  output.object({ ...report })
}

const ISSUES: Readonly<Record<string, string>> = {
  unreadable: 'Cannot read',
  skipped: 'Not synced:',
  notHere: 'Not on this device:',
  failed: 'Will be tried again:',
}

/** `tandem peers`: the paired devices. */
export async function peers(context: Context): Promise<void> {
  const report = await readStatus(context)
  context.output.human(
    report.peers.length
      ? peerTable(context, report.peers)
      : 'No devices are paired yet. Pair one with: tandem invite, or tandem join.',
  )
  for (const peer of report.peers) context.output.object({ ...peer })
}

function peerTable({ output }: Context, list: readonly PeerStatusLine[]): string {
  const rows = list.map((peer) => [peer.name, peer.id.slice(0, 10), sentence(peer)])
  return renderTable(
    [{ title: 'Device', shrinks: true }, { title: 'Id' }, { title: 'State' }],
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
  const limit = Number(options.limit ?? 50)
  if (!Number.isInteger(limit) || limit < 1)
    throw new UsageError('usage', `--limit takes a positive number, not ${options.limit}`)
  const { output } = context
  let found = false
  await history(context, 'log', { limit, ...(path === undefined ? {} : { path }) }, (event) => {
    const { commit, device, seconds, zoneMinutes, subject, deleted } = event as LoggedCommit
    found = true
    output.human(
      `${output.style.yellow(commit.slice(0, 10))}  ${formatTime(seconds * 1000, zoneMinutes)}  ${output.style.bold(device)}  ${subject}${deleted ? ' (deleted)' : ''}`,
    )
    output.object({ commit, device, at: seconds * 1000, subject, ...(deleted === undefined ? {} : { deleted }) })
  })
  if (!found)
    output.human(
      path === undefined
        ? 'Nothing has been committed yet.'
        : `No commit changed ${path}. Paths are written as in the vault: Folder/Note.md`,
    )
}

/** `tandem show COMMIT:PATH`: an old version of a file, byte for byte, to stdout. */
export async function show(context: Context, name: string): Promise<void> {
  const colon = name.indexOf(':')
  if (colon < 1 || colon === name.length - 1)
    throw new UsageError('usage', 'tandem show takes COMMIT:PATH, such as 3f2a91c0:Folder/Note.md')
  const parts: string[] = []
  const result = (await history(
    context,
    'show',
    { commit: name.slice(0, colon), path: name.slice(colon + 1) },
    (event) => {
      const { data } = event as { data: string }
      if (context.output.json) parts.push(data)
      else process.stdout.write(Buffer.from(data, 'base64'))
    },
  )) as Record<string, unknown>
  context.output.object({
    ...result,
    content: Buffer.concat(parts.map((p) => Buffer.from(p, 'base64'))).toString('base64'),
    encoding: 'base64',
  })
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
  onEvent: (event: unknown) => void,
): Promise<unknown> {
  const state = context.openState()
  if (await context.isRunning()) return context.call(method, params, onEvent)
  const lock = await context.lock(method)
  try {
    const repository = await openHistory(state)
    return await historyOperation(repository, { method, params }, onEvent)
  } finally {
    await lock.release()
  }
}
