import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import { endpointIdOf, generateSecretKey } from '../../adapters/iroh/iroh-keys.ts'
import type { GitPlace } from '../../adapters/node/git-place.ts'
import { nodeRandom } from '../../adapters/node/node-random.ts'
import { defaultStateFolder, refuseInside, resolveVault, StateFolder } from '../../adapters/node/state-folder.ts'
import { MirrorError } from '../../ports/mirror-error.ts'
import { cleanName } from '../../protocol/messages.ts'
import { Context } from '../context.ts'
import { openShare } from '../engine-host.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatCount } from '../format.ts'
import { parseMirrorPlace, runMirror } from '../mirror-run.ts'
import type { MirrorEvent, MirrorResult } from '../mirror-run.ts'
import { shownPath } from '../shown-path.ts'
import { UsageError } from '../usage-error.ts'

export interface MirrorCommandOptions {
  readonly restore?: boolean
  readonly into?: string
}

/** `tandem mirror URL`: keeps a bare git repository as a copy of the history; with `--restore`, the way back. */
export async function mirror(context: Context, url: string, options: MirrorCommandOptions): Promise<ExitCode> {
  const restore = options.restore === true
  if (options.into !== undefined && !restore) throw new UsageError('usage', '--into goes with --restore')
  const place = parseMirrorPlace(url, process.cwd())
  const target = options.into === undefined ? context : intoFolder(context, options.into)
  if (place.kind === 'folder') refuseOwn(place.folder, target)
  const show = shower(target)
  target.openState() // is there one?
  const lock = await target.lockOrReach('mirror')
  let result: MirrorResult
  try {
    result =
      lock === 'running'
        ? ((await target.call('mirror', { url: urlOf(place), restore }, (event) =>
            show(event as MirrorEvent),
          )) as MirrorResult)
        : await withShare(target, place, restore, show)
  } catch (error) {
    target.output.progress().stop()
    throw error
  } finally {
    if (lock !== 'running') await lock.release()
  }
  target.output.progress().done()
  return tell(target, url, result)
}

async function withShare(
  context: Context,
  place: GitPlace,
  restore: boolean,
  show: (event: MirrorEvent) => void,
): Promise<MirrorResult> {
  const share = await openShare(context.openState(), (reason) => context.warn([reason]))
  try {
    if (!restore) await share.listing() // what changed while nothing ran is part of the copy
    return await runMirror(share, place, restore, show, context.signal)
  } finally {
    await share.stop()
  }
}

/** A vault of its own for what is restored, with a state of its own; the one that was named stays as it is. */
function intoFolder(context: Context, folder: string): Context {
  const { settings } = context.openState()
  mkdirSync(folder, { recursive: true })
  const vault = resolveVault(folder)
  const { state: _, ...options } = context.options
  const state = defaultStateFolder(vault)
  refuseInside(state, vault)
  if (!existsSync(join(state, 'data.json'))) {
    StateFolder.init(state, vault, {
      name: undefined,
      defaultName: cleanName(`${settings.deviceName} (restored)`),
      configFolder: settings.configFolder,
      secretKey: () => generateSecretKey(nodeRandom),
      idOf: endpointIdOf,
    })
  }
  return new Context(vault, options, context.signal, () => undefined)
}

/** @throws MirrorError `inside-vault`: the copy would become part of what it copies */
function refuseOwn(folder: string, { vault, folder: state }: Context): void {
  const real = existsSync(folder) ? realpathSync(folder) : folder
  const holder = [vault, state].find((one) => isWithin(real, existsSync(one) ? realpathSync(one) : one))
  if (holder === undefined) return
  const what = holder === vault ? 'the vault' : "Tandem's own state folder"
  throw new MirrorError('inside-vault', `the mirror ${folder} lies inside ${what}`, { path: folder })
}

function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path)
  return way === '' || (way !== '..' && !/^\.\.[/\\]/.test(way) && !/^([a-z]:|[/\\])/i.test(way))
}

/** For the running process, whose current folder is another. */
function urlOf(place: GitPlace): string {
  if (place.kind === 'folder') return place.folder
  const host = place.host.includes(':') ? `[${place.host}]` : place.host
  return `git://${host}:${place.port}${place.path}`
}

const LABELS = { fetch: 'Reading the mirror', push: 'Sending to the mirror', checkout: 'Writing files' } as const

function shower({ output }: Context): (event: MirrorEvent) => void {
  let shown: string | null = null
  return (event) => {
    const state =
      event.phase === 'checkout' ? { files: event.files, totalFiles: event.totalFiles } : { bytes: event.bytes }
    if (shown === event.phase) output.progress().update(state)
    else output.progress().phase(LABELS[event.phase], state)
    shown = event.phase
  }
}

function tell(context: Context, url: string, result: MirrorResult): ExitCode {
  const { output } = context
  const { style } = output
  if (result.kind === 'pushed') {
    const { main, pushed, ahead } = result.report
    output.object({ event: 'mirrored', url, main, pushed, ahead })
    if (!main) output.human('The vault has no history yet, so there is nothing to copy.')
    else if (!pushed.length) output.human('The mirror held everything already.')
    else output.human(`${style.green('Copied')} to the mirror, up to ${main.slice(0, 10)}.`)
    if (ahead.length)
      output.human('Other devices have put newer edits there, which this one gets when it syncs with them.')
    return ExitCode.ok
  }
  const { main, changed, files, settled } = result.report
  output.object({ event: 'restored', url, main, changed, files, settled, vault: context.vault })
  if (!settled) {
    output.human(`The history of the mirror is here; files still wait. See: ${context.commandLine('status')}`)
    return ExitCode.notInStep
  }
  const where = style.bold(shownPath(context.vault))
  output.human(
    changed
      ? `${style.green('Restored')}: ${where} holds ${formatCount(files, 'file')}, as of ${main.slice(0, 10)}.`
      : `${where} holds everything that the mirror does.`,
  )
  return ExitCode.ok
}
