import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError } from 'commander'
import { resolveVault } from '../adapters/node/state-folder.ts'
import { systemClock } from '../adapters/node/system-clock.ts'
import { errorReport, type ErrorReport } from '../cli/error-report.ts'
import { ExitCode, exitCodeHelp } from '../cli/exit-codes.ts'
import { Output } from '../cli/output.ts'
import { DemoError } from './demo-error.ts'
import { makeDemoFolder, removeDemoFolder, type DemoFolder } from './demo-folder.ts'
import { runDemo } from './demo-run.ts'
import { DemoView } from './demo-view.ts'
import { killAllChildren } from './json-child.ts'

interface DemoOptions {
  readonly vault?: string
  readonly work?: string
  readonly once?: boolean
  readonly json?: boolean
  readonly keep?: boolean
}

/** The bundle lies in `dist`, beside the headless peer. */
const PROGRAM = fileURLToPath(new URL('cli.mjs', import.meta.url))
const SAMPLE = fileURLToPath(new URL('../samples/vault', import.meta.url))

/** So that a person can read one line before the next one comes. */
const PAUSE_MS = 700
/** `npm start` hands on the Ctrl-C that the terminal has sent us already: that is one, not two. */
const SAME_INTERRUPT_MS = 1000

const interrupted = new AbortController()
let interruptedAt = 0

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (!interrupted.signal.aborted) return interrupt()
    if (performance.now() - interruptedAt < SAME_INTERRUPT_MS) return
    killAllChildren()
    process.exit(ExitCode.interrupted) // the second one means now
  })
}

function interrupt(): void {
  interruptedAt = performance.now()
  interrupted.abort(new DOMException('interrupted', 'AbortError'))
}

async function demonstrate(options: DemoOptions): Promise<ExitCode> {
  const json = options.json === true
  const output = new Output({
    json,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    env: process.env,
    onClosed: interrupt, // nobody watches any more
  })
  let folder: DemoFolder | null = null
  let keep = options.keep === true || options.once === true
  try {
    if (!existsSync(PROGRAM))
      throw new DemoError('not-built', `The headless peer is not built: there is no ${PROGRAM}.`, {
        hint: 'Run npm run build.',
      })
    const source = resolveVault(options.vault ?? SAMPLE)
    folder = await makeDemoFolder(options.work, source)
    const code = await runDemo({
      program: PROGRAM,
      source,
      isSample: options.vault === undefined,
      folder,
      once: options.once === true,
      keep,
      view: new DemoView(output),
      pauseMs: process.stdout.isTTY && !json ? PAUSE_MS : 0,
      signal: interrupted.signal,
    })
    keep ||= code === ExitCode.notInStep
    return code
  } catch (error) {
    if (interrupted.signal.aborted) {
      keep = options.keep === true
      return ExitCode.interrupted
    }
    // What went wrong between the peers can be looked into; a copy that failed is of no use.
    keep ||= error instanceof DemoError
    return tellError(error, output)
  } finally {
    if (folder) await leave(folder, keep, output)
    await output.flush()
  }
}

/** The end of the folders, also when the person has gone. */
async function leave(folder: DemoFolder, keep: boolean, output: Output): Promise<void> {
  if (interrupted.signal.aborted) output.human('\nStopped both devices.')
  if (keep) return output.human(`\nThe folders stay: ${folder.root}`)
  try {
    await removeDemoFolder(folder)
    output.human(`Removed ${folder.root}`)
  } catch (error) {
    output.diagnostic(output.errorStyle.yellow(`${folder.root} could not be removed: ${(error as Error).message}`))
  }
}

function tellError(error: unknown, output: Output): ExitCode {
  const report: ErrorReport = error instanceof DemoError ? error : errorReport(error)
  const { code, exitCode, message, hint, detail } = report
  output.progress().stop()
  output.object({ event: 'error', code, message, hint, ...(detail ? { detail } : {}) })
  output.diagnostic(`${output.errorStyle.red(message)}${detail ? `\n${detail}` : ''}\n${hint}`)
  if (process.env.TANDEM_DEBUG && error instanceof Error) output.diagnostic(error.stack ?? '')
  return exitCode
}

const program = new Command('npm start --')
  .description(
    'Shows Tandem at work: two vaults on this computer, two processes, one Iroh connection.\nThe vaults are copies in a new folder; nothing of yours is touched.',
  )
  .option('--vault <dir>', 'show it on a copy of this vault (default: the sample vault)')
  .option('--once', 'end after the checks: exit code 0 when all of them hold; the folders stay')
  .option('--json', 'one JSON object per line, for scripts')
  .option('--keep', 'leave the folders when it ends')
  .option('--work <dir>', "make the folders in there (default: the system's folder for temporary files)")
  .allowExcessArguments(false)
  .showHelpAfterError('(npm start -- --help explains the options)')
  .addHelpText('after', `\n${exitCodeHelp()}`)
  .exitOverride()
  .action(async (options: DemoOptions) => {
    process.exitCode = await demonstrate(options)
  })

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
}
process.exit()
