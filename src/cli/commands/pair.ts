import { decodePairingLink } from '../../peers/pairing-link.ts'
import { comparisonLines, type ComparisonReport } from '../comparison.ts'
import type { ShareReport } from '../../engine/folder-shares.ts'
import type { Context } from '../context.ts'
import { withEngine, type Request } from '../engine-run.ts'
import { printable } from '../printable.ts'
import { tellReceived } from './share.ts'
import { qrSize, renderQr } from '../qr.ts'

interface PairingEvent {
  readonly link?: string
  readonly question?: string
  readonly code?: string
  /** E9. With a question, unless --yes answers it. */
  readonly comparison?: ComparisonReport
  readonly device?: string
  /** The question needs no answer any more: the other side said no, or is gone. */
  readonly withdrawn?: boolean
}

interface Paired {
  readonly paired: { readonly id: string; readonly name: string }
  /** The folder share that came with it. */
  readonly share?: ShareReport
}

export interface InviteOptions {
  /** A folder share instead of the whole vault. */
  readonly share?: string
  readonly readOnly?: boolean
}

export interface JoinOptions {
  /** Where a folder share goes. */
  readonly into?: string
}

/** `tandem invite`: shows a link and its QR code, and ends once another device used it. */
export async function invite(context: Context, { share, readOnly }: InviteOptions): Promise<void> {
  const { output, signal } = context
  let shown = false
  try {
    await withEngine(context, 'invite', async (request) => {
      const result = await pair(context, request, 'invite', { share, readOnly }, (link) => {
        shown = true
        showLink(context, link)
      })
      tellPaired(context, result)
    })
  } catch (error) {
    if (shown && signal.aborted) output.diagnostic('Cancelled: the link no longer works.')
    throw error
  }
}

/** `tandem join`: follows a link that another device showed. */
export async function join(context: Context, link: string, { into }: JoinOptions): Promise<void> {
  decodePairingLink(link) // a damaged one is refused before anything is opened
  await withEngine(context, 'join', async (request) =>
    tellPaired(context, await pair(context, request, 'join', { link, into })),
  )
}

function showLink({ output }: Context, link: string): void {
  output.object({ event: 'invitation', link })
  const { style, columns } = output
  output.human(`The other device pairs with ${style.bold('this link')}. It works once, for ten minutes.\n`)
  // A code is made of colours, and one that the terminal breaks into pieces cannot be scanned.
  if (columns !== undefined && qrSize(link).columns <= columns) output.human(`${renderQr(link)}\n`)
  else if (columns !== undefined)
    output.human(style.dim(`(A window of ${qrSize(link).columns} columns would show it as a QR code, too.)\n`))
  output.human(`${link}\n`)
  output.human('On a phone or in Obsidian: scan the code, or open the link.')
  output.human(`In a terminal:             ${style.bold("tandem join VAULT 'LINK'")} (in quotes)\n`)
  output.human(style.dim('Waiting for the other device … (Ctrl-C cancels)'))
}

/** One conversation about a pairing, with the questions in it. */
async function pair(
  context: Context,
  request: Request,
  method: 'invite' | 'join',
  params: object,
  onLink: (link: string) => void = () => undefined,
): Promise<Paired> {
  const asking = new Map<string, AbortController>()
  let trouble: unknown
  const { output } = context
  const confirm = async (question: string, words: string): Promise<void> => {
    const over = new AbortController()
    asking.set(question, over)
    let accepted = false
    try {
      accepted = await context.ask(words, over.signal)
    } catch (error) {
      if (over.signal.aborted || context.signal.aborted) return
      trouble = error
    } finally {
      asking.delete(question)
    }
    await request('answer', { question, accepted })
  }
  const onEvent = (event: unknown): void => {
    const { link, question, code, comparison, device, withdrawn } = event as PairingEvent
    const name = device ?? 'the other device'
    // What goes wrong on the way of the answer ends the request, too, and is told there.
    const ask = (words: string): void => {
      if (question) confirm(question, words).catch((error: unknown) => (trouble ??= error))
    }
    if (link) onLink(link)
    if (question && withdrawn) {
      asking.get(question)?.abort(new DOMException('withdrawn', 'AbortError'))
      output.object({ event: 'withdrawn' })
      if (method === 'invite') output.diagnostic('\nThe other device did not go on. The link still works.')
    } else if (code) {
      output.object({ event: 'code', code, device: name, question })
      const { bold } = output.errorStyle
      ask(`Does ${bold(printable(name))} show the code ${bold(code)}, too?`)
    } else if (comparison) {
      output.object({ event: 'comparison', ...comparison, device: name, ...(question ? { question } : {}) })
      for (const line of comparisonLines(comparison)) output.human(line)
      ask('Bring the two vaults together? Nothing is deleted: what differs is merged or kept as two files.')
    }
  }
  try {
    return (await request(method, { ...params, yes: context.options.yes === true }, onEvent)) as Paired
  } catch (error) {
    throw trouble ?? error
  } finally {
    for (const over of asking.values()) over.abort(new DOMException('over', 'AbortError'))
  }
}

function tellPaired(context: Context, { paired, share }: Paired): void {
  const { output } = context
  output.object({ event: 'paired', id: paired.id, name: paired.name })
  output.human(`${output.style.green('Paired')} with ${output.style.bold(printable(paired.name))}.`)
  if (share) tellReceived(context, share)
  output.human(`Keep the two in step, here and there, with: ${output.style.bold(context.commandLine('up'))}`)
}
