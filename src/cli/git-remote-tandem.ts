import { createWriteStream, openSync } from 'node:fs'
import { ReadStream } from 'node:tty'
import { NodeByteStream } from '../adapters/node/node-byte-stream.ts'
import { isBindAddress } from '../adapters/node/device-settings.ts'
import { settingProblem } from '../engine/settings-schema.ts'
import type { Asker, NetworkOptions } from './engine-host.ts'
import { relayChoice } from './engine-host.ts'
import { errorReport } from './error-report.ts'
import { ExitCode } from './exit-codes.ts'
import { runHelper } from './git-remote/helper-session.ts'
import { openRemote } from './git-remote/open-remote.ts'
import { parseRemoteAddress } from './git-remote/remote-address.ts'
import { printable } from './printable.ts'
import { askYesNo } from './prompt.ts'
import { UsageError } from './usage-error.ts'

/*
 * `git-remote-tandem`, which git starts for every URL that begins with `tandem::` (git: gitremote-helpers):
 *   git-remote-tandem REMOTE ADDRESS
 * Its standard input and output belong to git; people are told, and asked, at the terminal. It has no options of its own, so they
 * come from the environment: TANDEM_STATE, TANDEM_YES=1, TANDEM_RELAY, TANDEM_BIND.
 */

const { env } = process
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (interrupted.signal.aborted) process.exit(ExitCode.interrupted)
    interrupted.abort(new DOMException('interrupted', 'AbortError'))
  })
}

const tell = (line: string): void => void process.stderr.write(`tandem: ${printable(line)}\n`)

const asker: Asker = (question, signal) => {
  if (question.kind === 'vaults') return Promise.resolve(true) // a clone has no files to compare
  const yes = env.TANDEM_YES === '1'
  const words = `tandem: Does ${printable(question.deviceName)} show the code ${question.code}, too?`
  const input = yes ? process.stdin : openTerminal()
  return askYesNo(words, {
    yes,
    input,
    output: process.stderr,
    signal: AbortSignal.any([signal, interrupted.signal]),
  }).finally(() => {
    if (!yes) input.destroy()
  })
}

/** Standard input is git's. @throws UsageError `needs-terminal` */
function openTerminal(): ReadStream {
  try {
    return new ReadStream(openSync(process.platform === 'win32' ? '\\\\.\\CONIN$' : '/dev/tty', 'r+'))
  } catch (cause) {
    const hint = 'There is no terminal to ask whether the codes are equal: set TANDEM_YES=1 to trust the link alone.'
    throw new UsageError('needs-terminal', hint, {}, { cause })
  }
}

/** @throws UsageError */
function network(): NetworkOptions {
  const { TANDEM_RELAY: relay, TANDEM_BIND: bind } = env
  if (relay && settingProblem('relay', relay))
    throw new UsageError('usage', `TANDEM_RELAY takes an http(s) URL, "default" or "off", not ${relay}`)
  if (bind && !isBindAddress(bind))
    throw new UsageError('usage', `TANDEM_BIND takes ADDRESS:PORT, such as 0.0.0.0:0, not ${bind}`)
  return { relay: relay ? relayChoice(relay) : undefined, bind: bind || undefined }
}

async function main(): Promise<void> {
  const url = process.argv[3] ?? process.argv[2]
  if (url === undefined)
    throw new UsageError('usage', 'this program is called by git: try "git clone tandem::NAME", or tandem help repo')
  const address = parseRemoteAddress(url)
  const options = { env, network: network(), signal: interrupted.signal, asker, tell }
  // Not process.stdout, which never closes: git waits for the end of what the other device says.
  const git = new NodeByteStream(process.stdin, createWriteStream('', { fd: 1 }))
  interrupted.signal.addEventListener('abort', () => git.abort(), { once: true })
  const version = Number(/version=([012])/.exec(env.GIT_PROTOCOL ?? '')?.[1] ?? 2)
  await runHelper(git, (service) => openRemote(address, service, options), version)
}

try {
  await main()
} catch (error) {
  const { message, hint, detail, exitCode } = errorReport(
    interrupted.signal.aborted ? interrupted.signal.reason : error,
  )
  tell(detail ? `${message} (${detail})` : message)
  if (exitCode !== ExitCode.interrupted) tell(hint)
  process.exitCode = exitCode
}
// The endpoint's own threads may hold the process for a moment longer than anybody needs it.
process.exit()
