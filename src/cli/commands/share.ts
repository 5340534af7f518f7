import type { OpenOffer, ShareReport } from '../../engine/folder-shares.ts'
import type { ShareRecord } from '../../ports/share-record.ts'
import type { Context } from '../context.ts'
import { withEngine } from '../engine-run.ts'
import { printable } from '../printable.ts'
import type { GrantResult, SharesResult } from '../share-operations.ts'
import { renderTable } from '../table.ts'
import { UsageError } from '../usage-error.ts'

/** `tandem share FOLDER`: makes a folder of the vault a share of its own. */
export async function share(context: Context, folder: string, { title }: { title?: string }): Promise<void> {
  const params = title === undefined ? { folder } : { folder, title }
  const { share } = (await withEngine(context, 'share', (request) => request('share', params))) as {
    share: ShareRecord
  }
  const { output } = context
  output.object({ event: 'share', ...share })
  output.human(
    `${output.style.bold(printable(share.folder))} is a share of its own: ${output.style.bold(printable(share.title))}. Nobody has it yet.`,
  )
  output.human('With a device that is paired already:')
  output.human(`  ${output.style.bold(context.commandLine('grant', quoted(share.folder), 'DEVICE'))}`)
  output.human('With somebody else, who gets this folder and nothing more:')
  output.human(`  ${output.style.bold(context.commandLine('invite', '--share', quoted(share.folder)))}`)
}

/** `tandem unshare SHARE`: the folder is an ordinary one again. */
export async function unshare(context: Context, name: string): Promise<void> {
  const { share } = (await withEngine(context, 'unshare', (request) => request('unshare', { share: name }))) as {
    share: ShareRecord
  }
  const { output } = context
  output.object({ event: 'unshared', ...share })
  const folder = output.style.bold(printable(share.folder))
  if (share.from === null)
    output.human(`${folder} is not shared any more. Its files stay here, and with those who had it.`)
  else
    output.human(
      `Nothing comes to ${folder} from others any more, and what is changed there stays here. Its files stay.`,
    )
}

/** As a shell takes it. */
function quoted(word: string): string {
  return /^[\w./-]+$/.test(word) ? word : `'${printable(word).replaceAll("'", `'\\''`)}'`
}

/** `tandem shares`: own and received ones, and what waits for a place here. */
export async function shares(context: Context): Promise<void> {
  const result = (await withEngine(context, 'shares', (request) => request('shares', {}))) as SharesResult
  const { output } = context
  const names = new Map(result.shares.flatMap(({ peers }) => peers.map(({ id, name }) => [id, name] as const)))
  const rows = result.shares.map((one) => [
    one.title,
    one.folder || '.',
    one.id.slice(0, 8),
    withWhom(one),
    standing(one, names),
  ])
  output.human(
    renderTable(
      [
        { title: 'Share', shrinks: true },
        { title: 'Folder', shrinks: true },
        { title: 'Id' },
        { title: 'With', shrinks: true },
        { title: '', shrinks: true },
      ],
      rows,
      output.style,
      output.columns,
    ),
  )
  for (const offer of result.offers) output.human(`\n${offerLine(context, offer)}`)
  for (const one of result.shares) output.object({ ...one })
  for (const offer of result.offers) output.object({ event: 'offer', ...offer })
}

function withWhom({ peers }: ShareReport): string {
  if (!peers.length) return 'nobody'
  return peers.map(({ name, grant }) => (grant === 'read' ? `${name} (read-only)` : name)).join(', ')
}

function standing({ from, access, unsent }: ShareReport, names: ReadonlyMap<string, string>): string {
  if (from === null) return ''
  const whose = `from ${names.get(from) ?? 'a device that is not paired any more'}`
  const may = access === 'read' ? ', read-only' : access === null ? ', no longer shared with this device' : ''
  return `${whose}${may}${unsent ? '; changes made here are not sent' : ''}`
}

/** What a connected device shares with this one. */
export function offerLine(context: Context, { title, share, write, peerName }: Omit<OpenOffer, 'peer'>): string {
  const { style } = context.output
  const command = context.commandLine('accept', share.slice(0, 8))
  return `${style.bold(printable(peerName))} shares “${printable(title)}” with this device${write ? '' : ', read-only'}. To have it here:\n  ${style.bold(command)}`
}

/** `tandem accept SHARE`: gives a share of another device a place in this vault. */
export async function accept(context: Context, name: string, { into }: { into?: string }): Promise<void> {
  const params = into === undefined ? { share: name } : { share: name, into }
  const { share } = (await withEngine(context, 'accept', (request) => request('accept', params))) as {
    share: ShareRecord
  }
  tellReceived(context, share)
}

export function tellReceived(
  { output }: Context,
  share: Pick<ShareRecord, 'title' | 'folder' | 'access' | 'id'>,
): void {
  output.object({ event: 'accepted', ...share })
  output.human(
    `${output.style.bold(printable(share.title))} comes to the folder ${output.style.bold(printable(share.folder))}${share.access === 'read' ? ', read-only: what you change there stays here' : ''}.`,
  )
}

function shareAndPeer(command: string, words: readonly string[]): [string, string] {
  const [name, peer, ...rest] = words
  if (name === undefined || peer === undefined || rest.length)
    throw new UsageError('usage', `tandem ${command} takes a share and a device: see tandem help ${command}`)
  return [name, peer]
}

/** `tandem grant SHARE DEVICE`: lets a paired device have a share, or changes what it may do. */
export async function grant(
  context: Context,
  words: readonly string[],
  { readOnly }: { readOnly?: boolean },
): Promise<void> {
  const [name, peer] = shareAndPeer('grant', words)
  const params = { share: name, peer, readOnly: readOnly === true }
  const result = (await withEngine(context, 'grant', (request) => request('grant', params))) as GrantResult
  const { output } = context
  output.object({ event: 'granted', ...result })
  const may = result.grant === 'read' ? 'may read' : 'may read and change'
  output.human(
    `${output.style.bold(printable(result.peer.name))} ${may} ${output.style.bold(printable(result.title))}.`,
  )
  if (result.grant === 'read') output.human('What it changes there is not taken.')
}

/** `tandem revoke SHARE DEVICE`: takes a share back. */
export async function revoke(context: Context, words: readonly string[]): Promise<void> {
  const [name, peer] = shareAndPeer('revoke', words)
  const params = { share: name, peer }
  const result = (await withEngine(context, 'revoke', (request) => request('revoke', params))) as GrantResult
  const { output } = context
  output.object({ event: 'revoked', ...result })
  const [who, what] = [output.style.bold(printable(result.peer.name)), output.style.bold(printable(result.title))]
  if (!result.changed) return output.human(`${who} did not have ${what}.`)
  output.human(`${who} gets nothing of ${what} any more. What it has already stays there.`)
}
