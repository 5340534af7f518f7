import { Command, CommanderError, Option } from 'commander'
import { consent, remove, restore } from './cli/commands/change.ts'
import { init } from './cli/commands/init.ts'
import { log, peers, repo, show, status } from './cli/commands/inspect.ts'
import { invite, join } from './cli/commands/pair.ts'
import { up } from './cli/commands/up.ts'
import { Context, createOutput, type CommonOptions } from './cli/context.ts'
import { APP_VERSION } from './cli/engine-host.ts'
import { errorReport } from './cli/error-report.ts'
import { ExitCode, exitCodeHelp } from './cli/exit-codes.ts'

const interrupted = new AbortController()
let exitCode: ExitCode = ExitCode.ok

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(ExitCode.interrupted) // the second one means now
    interrupted.abort(new DOMException('interrupted', 'AbortError'))
  })
}

/** Wraps a command: options to context, errors to words and an exit code. */
function run<A extends unknown[]>(action: (context: Context, ...rest: A) => unknown) {
  return async (vault: string, ...args: unknown[]): Promise<void> => {
    const command = args.pop() as Command
    const options: CommonOptions = command.optsWithGlobals()
    const rest = [...args.slice(0, -1), options] as unknown as A
    try {
      const result = await action(new Context(vault, options, interrupted.signal), ...rest)
      if (typeof result === 'number') exitCode = result as ExitCode
    } catch (error) {
      exitCode = interrupted.signal.aborted ? ExitCode.interrupted : fail(error, options.json === true)
    }
  }
}

function fail(error: unknown, json: boolean): ExitCode {
  const output = createOutput(json)
  const { code, exitCode: exit, message, hint, detail } = errorReport(error)
  output.object({ event: 'error', code, message, hint, ...(detail ? { detail } : {}) })
  output.diagnostic(`${output.errorStyle.red(message)}${detail ? `\n${detail}` : ''}\n${hint}`)
  if (code === 'unexpected' && process.env.TANDEM_DEBUG && error instanceof Error) output.diagnostic(error.stack ?? '')
  return exit
}

const program = new Command('tandem')
  .description('Keeps Obsidian vaults in step, device to device, with their whole history as real git.')
  .version(APP_VERSION)
  .showHelpAfterError('(tandem --help lists the commands)')
  .addHelpText('after', `\nTo begin:\n  tandem init ~/Notes            on the first device, then\n  tandem invite ~/Notes          shows a link and a QR code\n  tandem join ~/Notes LINK       on the second device (after init there)\n  tandem up ~/Notes              on both: keeps them in step\n\n${exitCodeHelp()}`)
  .exitOverride()

function command(name: string, description: string, more = ''): Command {
  return program
    .command(`${name} <vault>${more}`)
    .description(description)
    .option('--state <dir>', "folder for identity, history, peers and settings (default: in the user's data folder)")
    .option('--json', 'one JSON object per line, for scripts')
    .option('--bind <address:port>', 'network address to listen on (default: all; port 0: any)')
    .option('--relay <url>', 'a relay of your own, "default" for the public ones, or "off"')
    .option('--no-lan', 'do not look for peers on the local network')
    .addOption(new Option('--debounce <ms>', 'quiet time after a change before it is sent').default(undefined, '300'))
    .option('-y, --yes', 'answer every question with yes')
}

command('init', 'make this device ready for a vault')
  .option('--name <name>', "the device's name (default: the host's)")
  .option('--no-config-folder', "leave Obsidian's config folder out")
  .action(run((context, options: { name?: string; configFolder?: boolean }) => init(context, options)))
command('invite', 'show a link and QR code, wait until another device joins').action(run((context) => invite(context)))
command('join', 'pair with the device that showed a link', ' <link>').action(run((context, link: string) => join(context, link)))
command('up', 'keep the vault in step until Ctrl-C')
  .option('--once', 'end when every reachable peer is current, both ways')
  .action(run((context, options: { once?: boolean }) => up(context, options)))
command('status', 'what is connected, in step, and waiting').action(run((context) => status(context)))
command('peers', 'the paired devices').action(run((context) => peers(context)))
command('remove', 'end the pairing with a device', ' <peer>').action(run((context, peer: string) => remove(context, peer)))
command('log', 'history of the vault, or of one file', ' [path]')
  .option('--limit <n>', 'at most so many commits', '50')
  .action(run((context, path: string | undefined, options: { limit?: string }) => log(context, path, options)))
command('show', 'print a file as it was: COMMIT:PATH', ' <version>').action(run((context, version: string) => show(context, version)))
command('restore', 'bring an old version of a file back, as a new edit', ' <path>')
  .requiredOption('--at <commit>', 'the commit to take it from')
  .action(run((context, path: string, options: { at: string }) => restore(context, path, options.at)))
command('approve', 'say yes to a change of very many files').action(run((context) => consent(context, true)))
command('reject', 'say no to it: keep the files as they are here').action(run((context) => consent(context, false)))
command('repo', "print the folder of the vault's git repository").action(run((context) => repo(context)))

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
}
process.exitCode = exitCode
await createOutput(false).flush()
// The endpoint's own threads may hold the process for a moment longer than anybody needs it.
process.exit()
