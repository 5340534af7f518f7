import type { Context } from '../context.ts'
import { withEngine, type Request } from '../engine-run.ts'
import { renderQr } from '../qr.ts'

interface PairingEvent {
  readonly link?: string
  readonly question?: string
  readonly code?: string
  readonly device?: string
}

interface Paired {
  readonly paired: { readonly id: string; readonly name: string }
}

/** `tandem invite`: shows a link and its QR code, and ends once another device used it. */
export async function invite(context: Context): Promise<void> {
  const { output } = context
  await withEngine(context, 'invite', async (request) => {
    const result = await pair(context, request, 'invite', {}, (link) => {
      output.object({ event: 'invitation', link })
      output.human('Scan this with the other device, or open the link there. It works once, for ten minutes.\n')
      output.human(renderQr(link))
      output.human(`\n${link}\n`)
      output.human(output.style.dim('Waiting for the other device … (Ctrl-C cancels)'))
    })
    tellPaired(context, result)
  })
}

/** `tandem join`: follows a link that another device showed. */
export async function join(context: Context, link: string): Promise<void> {
  await withEngine(context, 'join', async (request) =>
    tellPaired(context, await pair(context, request, 'join', { link })),
  )
}

async function pair(
  context: Context,
  request: Request,
  method: 'invite' | 'join',
  params: object,
  onLink: (link: string) => void = () => undefined,
): Promise<Paired> {
  const yes = context.options.yes === true
  const result = await request(method, { ...params, yes }, (event) => {
    const { link, question, code, device } = event as PairingEvent
    if (link) onLink(link)
    if (question && code) void confirm(context, request, question, code, device ?? 'the other device')
  })
  return result as Paired
}

async function confirm(
  context: Context,
  request: Request,
  question: string,
  code: string,
  device: string,
): Promise<void> {
  context.output.object({ event: 'code', code, device })
  let accepted = false
  try {
    accepted = await context.ask(`Does “${device}” show the code ${code}, too?`)
  } catch (error) {
    if (!context.signal.aborted) context.output.diagnostic(error instanceof Error ? error.message : String(error))
  }
  await request('answer', { question, accepted })
}

function tellPaired({ output, vault }: Context, { paired }: Paired): void {
  output.object({ event: 'paired', id: paired.id, name: paired.name })
  output.human(
    `${output.style.green('Paired')} with ${output.style.bold(paired.name)}. Keep both in step with: tandem up ${vault}`,
  )
}
