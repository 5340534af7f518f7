import { Command, CommanderError, Option } from 'commander'
import { consent, remove, restore } from './cli/commands/change.ts'
import { config } from './cli/commands/config.ts'
import { init } from './cli/commands/init.ts'
import { log, peers, repo, show, status } from './cli/commands/inspect.ts'
import { metrics } from './cli/commands/metrics.ts'
import { mirror, type MirrorCommandOptions } from './cli/commands/mirror.ts'
import { invite, join, type InviteOptions, type JoinOptions } from './cli/commands/pair.ts'
import { accept, grant, revoke, share, shares, unshare } from './cli/commands/share.ts'
import { up } from './cli/commands/up.ts'
import { Context, createOutput, type CommonOptions } from './cli/context.ts'
import { APP_VERSION } from './engine/app.ts'
import { errorReport } from './cli/error-report.ts'
import { ExitCode, exitCodeHelp } from './cli/exit-codes.ts'
import { commandHelp, gettingStarted, helpFooter, type CommandHelp, type CommandName } from './cli/help.ts'
import { UsageError } from './cli/usage-error.ts'

/** A command that does not come to rest within this when the reader of its output is gone is ended. */
const CLOSING_MS = 5000

const interrupted = new AbortController()
let interruptedAt = 0
let exitCode: ExitCode = ExitCode.ok
let readerGone = false

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The second one means now; but npm passes the terminal's own on once more, at the same moment.
    if (interrupted.signal.aborted && performance.now() - interruptedAt > 500) process.exit(ExitCode.interrupted)
    interruptedAt = performance.now()
    interrupted.abort(new DOMException('interrupted', 'AbortError'))
  })
}

/** `| head` has seen enough: the command ends in order, and that is no error. */
function onReaderGone(): void {
  readerGone = true
  setTimeout(() => process.exit(ExitCode.ok), CLOSING_MS).unref()
  interrupted.abort(new DOMException('nobody reads the output', 'AbortError'))
}

/** Wraps a command: options to context, errors to words and an exit code. */
function run<A extends unknown[]>(action: (context: Context, ...rest: A) => unknown) {
  return async (vault: string, ...args: unknown[]): Promise<void> => {
    const command = args.pop() as Command
    const options: CommonOptions = command.optsWithGlobals()
    const rest = [...args.slice(0, -1), options] as unknown as A
    try {
      const context = new Context(vault, options, interrupted.signal, onReaderGone)
      context.check()
      const result = await action(context, ...rest)
      if (typeof result === 'number') exitCode = result as ExitCode
    } catch (error) {
      exitCode = fail(interrupted.signal.aborted ? interrupted.signal.reason : error, options.json === true)
    }
  }
}

function fail(error: unknown, json: boolean): ExitCode {
  const output = createOutput(json, onReaderGone)
  const { code, exitCode: exit, message, hint, detail } = errorReport(error)
  output.object({ event: 'error', code, message, hint, ...(detail ? { detail } : {}) })
  if (readerGone) return ExitCode.ok
  if (exit === ExitCode.interrupted) output.diagnostic(message)
  else output.diagnostic(`${output.errorStyle.red(message)}${detail ? `\n${detail}` : ''}\n${hint}`)
  if (code === 'unexpected' && process.env.TANDEM_DEBUG && error instanceof Error) output.diagnostic(error.stack ?? '')
  return exit
}

const program = new Command('tandem')
  .description(
    'Keeps an Obsidian vault in step on several devices, device to device: no server, no account. Its whole history is real git.',
  )
  .version(APP_VERSION, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'tell more about a command')
  .addHelpText('after', () => `${gettingStarted}\n\n${exitCodeHelp()}`)
  .configureOutput({ outputError: () => undefined }) // told by `fail`, like every other error
  .exitOverride()

function command(name: CommandName, more = ''): Command {
  const help: CommandHelp = commandHelp[name]
  const added = program
    .command(`${name} <vault>${more}`)
    .summary(help.summary)
    .description(help.description)
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', helpFooter(help))
  const described = { vault: 'the folder that Obsidian opens', ...help.arguments }
  for (const argument of added.registeredArguments) argument.description = described[argument.name() as 'vault'] ?? ''
  return added
}

/** Every command takes every common option; its help lists those that do something there. */
function withOptions(added: Command, uses: { network?: boolean; debounce?: boolean; yes?: boolean } = {}): Command {
  const option = (flags: string, description: string, shown: boolean | undefined): Option =>
    shown ? new Option(flags, description) : new Option(flags, description).hideHelp()
  return added
    .addOption(option('--bind <address:port>', 'listen there only (default: everywhere; port 0: any)', uses.network))
    .addOption(option('--relay <url>', 'a relay of your own, "default" for the public ones, or "off"', uses.network))
    .addOption(option('--lan', 'look for peers on the local network (default)', uses.network))
    .addOption(option('--no-lan', 'do not look for peers on the local network', uses.network))
    .addOption(option('--debounce <ms>', 'quiet time after a change before it is sent (default: 300)', uses.debounce))
    .addOption(option('-y, --yes', 'answer every question with yes', uses.yes))
    .option('--state <dir>', "folder for identity, history, peers and settings (default: in the user's data folder)")
    .option('--json', 'one JSON object per line, for scripts')
}

const network = { network: true }
withOptions(
  command('init')
    .option('--name <name>', "the device's name (default: the host's)")
    .option('--config-folder', "sync Obsidian's config folder, too (default)")
    .option('--no-config-folder', "leave Obsidian's config folder out"),
).action(run((context, options: { name?: string; configFolder?: boolean }) => init(context, options)))
withOptions(
  command('invite')
    .option('--share <share>', 'share this folder, and nothing else')
    .option('--read-only', 'what the other device changes is not taken'),
  { ...network, yes: true },
).action(run((context, options: InviteOptions) => invite(context, options)))
withOptions(
  command('join', ' <link>').option('--into <folder>', "where a shared folder goes (default: the folder's own name)"),
  { ...network, yes: true },
).action(run((context, link: string, options: JoinOptions) => join(context, link, options)))
withOptions(command('up').option('--once', 'end when every reachable peer is current, both ways'), {
  ...network,
  debounce: true,
  yes: true,
}).action(run((context, options: { once?: boolean }) => up(context, options)))
withOptions(command('status')).action(run((context) => status(context)))
withOptions(command('metrics')).action(run((context) => metrics(context)))
withOptions(command('peers')).action(run((context) => peers(context)))
withOptions(command('remove', ' <peer>'), network).action(run((context, peer: string) => remove(context, peer)))
withOptions(
  command('share', ' <folder>').option('--title <title>', "what others see (default: the folder's name)"),
).action(run((context, folder: string, options: { title?: string }) => share(context, folder, options)))
withOptions(command('unshare', ' <share>')).action(run((context, name: string) => unshare(context, name)))
withOptions(command('shares')).action(run((context) => shares(context)))
withOptions(
  command('grant', ' <share...>') // two would make the list of commands wider than a terminal
    .usage('[options] <vault> <share> <peer>')
    .option('--read-only', 'what the other device changes is not taken'),
).action(run((context, words: readonly string[], options: { readOnly?: boolean }) => grant(context, words, options)))
withOptions(command('revoke', ' <share...>').usage('[options] <vault> <share> <peer>')).action(
  run((context, words: readonly string[]) => revoke(context, words)),
)
withOptions(
  command('accept', ' <share>').option('--into <folder>', "where it goes (default: the share's own name)"),
).action(run((context, name: string, options: { into?: string }) => accept(context, name, options)))
withOptions(command('log', ' [path]').option('--limit <n>', 'at most so many commits', '50')).action(
  run((context, path: string | undefined, options: { limit?: string }) => log(context, path, options)),
)
withOptions(command('show', ' <version>')).action(run((context, version: string) => show(context, version)))
withOptions(
  command('restore', ' <path>').requiredOption('--at <commit>', 'the commit to take it from, see tandem log'),
).action(run((context, path: string, options: { at: string }) => restore(context, path, options.at)))
withOptions(command('approve')).action(run((context) => consent(context, true)))
withOptions(command('reject')).action(run((context) => consent(context, false)))
withOptions(
  command('config', ' [key...]') // two would make the list of commands wider than a terminal
    .usage('[options] <vault> [key] [value]')
    .option('--unset <key>', 'take it back to its default'),
).action(run((context, words: readonly string[], options: { unset?: string }) => config(context, words, options)))
withOptions(command('repo')).action(run((context) => repo(context)))
withOptions(
  command('mirror', ' <url>')
    .option('--restore', 'bring the vault to what the mirror holds')
    .option('--into <folder>', 'restore into a vault of its own in this folder'),
).action(run((context, url: string, options: MirrorCommandOptions) => mirror(context, url, options)))

/** `error: missing required argument 'vault'` -> a sentence. */
function usageError({ code, message }: CommanderError): UsageError {
  if (code === 'commander.help') return new UsageError('usage', 'no command was given')
  return new UsageError('usage', message.replace(/^error: /, ''))
}

try {
  await program.parseAsync()
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  // Without a command the help itself has been printed already.
  const json = process.argv.includes('--json')
  if (error.exitCode === 0) exitCode = ExitCode.ok
  else exitCode = error.code === 'commander.help' && !json ? ExitCode.usage : fail(usageError(error), json)
}
process.exitCode = readerGone ? ExitCode.ok : exitCode
await createOutput(false, onReaderGone).flush()
// The endpoint's own threads may hold the process for a moment longer than anybody needs it.
process.exit()
