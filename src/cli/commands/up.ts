import type { Device, DeviceEvent } from '../../engine/device.ts'
import { VAULT_SHARE } from '../../engine/app.ts'
import type { Context } from '../context.ts'
import { serveControl } from '../control-server.ts'
import { EngineHost } from '../engine-host.ts'
import { errorReport } from '../error-report.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatCount, formatDuration } from '../format.ts'
import { Operations } from '../operations.ts'
import type { Output } from '../output.ts'
import { printable } from '../printable.ts'
import { shownPath } from '../shown-path.ts'
import { offerLine } from './share.ts'
import { deviceStatus } from '../status.ts'

/** Paths named in one line of output. */
const NAMED = 3
/** `--once`: a connected peer that makes no progress for so long is given up. */
const STUCK_MS = 120_000

/** `tandem up`: keeps the vault in step until interrupted, or with `--once` until every reachable peer is current. */
export async function up(context: Context, options: { once?: boolean }): Promise<ExitCode> {
  const { output } = context
  context.checkState()
  const network = context.network()
  const debounceMs = context.debounceMs()
  const lock = await context.lock('up')
  let code: ExitCode = ExitCode.unexpected
  try {
    const state = context.openLockedState({ repair: true })
    const host = await EngineHost.open(state, network, {
      sync: true,
      ...(debounceMs === undefined ? {} : { debounceMs }),
      onLog: (record) => {
        output.object({ ...record, event: 'log', kind: record.event })
        if ((record.level === 'warn' || record.level === 'error') && record.event !== 'share.error')
          // told by UpDisplay
          output.diagnostic(output.errorStyle.yellow(record.message))
      },
    })
    const operations = new Operations(host)
    const control = await serveControl(context.folder, (request, reply, signal, handOver) =>
      operations.handle(request, reply, signal, handOver),
    )
    try {
      new UpDisplay(host.device, context, options.once === true)
      output.human(
        `${output.style.bold(printable(state.settings.deviceName))} keeps ${output.style.bold(shownPath(state.vault))} in step.${options.once ? '' : ' Ctrl-C stops.'}`,
      )
      await host.start({ watch: options.once !== true })
      output.object({ event: 'up', id: host.device.id, ...(await deviceStatus(host)) })
      if (!host.device.peers.getPeers().length)
        output.human(
          `No devices are paired yet. In another terminal: ${output.style.bold(context.commandLine('invite'))}`,
        )
      code = options.once ? await untilCurrent(host.device, context.signal) : await untilAborted(context.signal)
    } finally {
      output.progress().stop()
      await control.close()
      await host.close()
    }
  } finally {
    await lock.release()
  }
  tellEnd(context, code) // the last word: nothing runs any more
  return code
}

function untilAborted(signal: AbortSignal): Promise<ExitCode> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(ExitCode.ok)
    signal.addEventListener('abort', () => resolve(ExitCode.ok), { once: true })
  })
}

/** Done when every peer is either current or was tried and not reached. */
function untilCurrent(device: Device, signal: AbortSignal): Promise<ExitCode> {
  return new Promise((resolve, reject) => {
    let quiet: NodeJS.Timeout
    const over = () => {
      clearTimeout(quiet)
      stop()
    }
    const end = (code: ExitCode) => {
      over()
      resolve(code)
    }
    const look = () => {
      clearTimeout(quiet)
      quiet = setTimeout(() => end(ExitCode.notInStep), STUCK_MS)
      if (signal.aborted) return end(ExitCode.interrupted)
      const shares = [...device.shares.values()]
      const trouble = shares.map((share) => share.lastError).find((error) => error instanceof Error)
      if (trouble) {
        over()
        return reject(trouble)
      }
      if (shares.some((share) => share.tree.consent)) return end(ExitCode.notInStep)
      if (shares.some((share) => share.tree.issues.failed.length)) return end(ExitCode.cannotWrite)
      const reports = device.peerReports()
      const reached = reports.filter((r) => r.state.link === 'connected')
      const failed = reports.filter((r) => r.state.link === 'disconnected' && r.state.lastError)
      if (reached.length + failed.length < reports.length || !reached.every((r) => r.current)) return
      if (!device.isSettled) return
      end(reached.length || !reports.length ? ExitCode.ok : ExitCode.network)
    }
    const stop = device.on(() => queueMicrotask(look))
    signal.addEventListener('abort', look, { once: true })
    look()
  })
}

function tellEnd(context: Context, code: ExitCode): void {
  const { output } = context
  output.object({ event: 'down', code })
  if (code === ExitCode.ok) output.human('Stopped. Everything that arrived is kept.')
  if (code === ExitCode.network)
    output.human('No paired device could be reached. Your changes are committed here and will be sent the next time.')
  if (code === ExitCode.notInStep) output.human('Not in step yet: see above what is missing.')
  if (code === ExitCode.cannotWrite) output.human('Not in step yet: some files could not be written here.')
}

/** Turns the engine's events into lines and a progress display. */
class UpDisplay {
  readonly #output: Output
  readonly #device: Device
  #phase: string | null = null

  readonly #context: Context
  /** Trouble is told once, not at every try. */
  #troubleTold: string | null = null
  #issuesTold = new Set<string>()

  constructor(device: Device, context: Context, once: boolean) {
    this.#device = device
    this.#context = context
    this.#output = context.output
    const yes = context.options.yes === true
    device.on((event) => {
      if (!(once && event.kind === 'share' && event.event.kind === 'error')) this.#on(event, yes) // it ends the run, and is told then
    })
  }

  #on(event: DeviceEvent, yes: boolean): void {
    switch (event.kind) {
      case 'peer':
        return this.#peer(event)
      case 'transfer': {
        if (event.direction === 'sending') return
        const { objectsDone, objectsTotal, bytesReceived } = event.progress
        return this.#show('Receiving', { files: objectsDone, totalFiles: objectsTotal, bytes: bytesReceived })
      }
      case 'offer':
        return this.#offer(event)
      case 'share':
        return this.#share(event.event, event.share, yes)
    }
  }

  #share(event: Extract<DeviceEvent, { kind: 'share' }>['event'], share: string, yes: boolean): void {
    switch (event.kind) {
      case 'progress': {
        const { phase, filesDone, filesTotal, bytesDone, bytesTotal } = event.progress
        if (filesTotal < 20) return
        return this.#show(phase === 'scan' ? 'Reading the vault' : 'Writing files', {
          files: filesDone,
          totalFiles: filesTotal,
          ...(bytesTotal ? { bytes: bytesDone, totalBytes: bytesTotal } : {}),
        })
      }
      case 'settled': {
        this.#troubleTold = null
        this.#endPhase()
        const { applied, removed, committed, ms } = event
        this.#output.object({
          event: 'settled',
          share,
          applied: applied.length,
          removed: removed.length,
          committed,
          ms,
          paths: [...applied, ...removed].slice(0, 100),
        })
        if (committed) this.#output.human(`Committed ${formatCount(committed, 'change')} of this vault`)
        if (applied.length)
          this.#output.human(`Wrote ${named(applied)} ${this.#output.style.dim(`(${formatDuration(ms)})`)}`)
        if (removed.length) this.#output.human(`Moved to the trash: ${named(removed)}`)
        return
      }
      case 'consent':
        return this.#consent(share, yes)
      case 'error':
        return this.#trouble(event.error)
      case 'state':
        this.#issues(share)
        return this.#output.object({ event: 'state', share, view: event.state.applied, heads: event.state.heads.size })
    }
  }

  #trouble(error: unknown): void {
    const { message, hint, detail, code } = errorReport(error)
    this.#output.object({ event: 'trouble', code, message, hint, ...(detail ? { detail } : {}) })
    const words = `${message}${detail ?? ''}`
    if (this.#troubleTold === words) return
    this.#troubleTold = words
    this.#output.diagnostic(`${this.#output.errorStyle.red(message)}${detail ? `\n${detail}` : ''}\n${hint}`)
  }

  /** Files that could not be read or written just now. */
  #issues(share: string): void {
    const { failed, unreadable } = this.#device.shares.get(share)!.tree.issues
    const now = new Set([...failed, ...unreadable].map(({ path, reason }) => `${path}: ${reason}`))
    for (const line of now)
      if (!this.#issuesTold.has(line))
        this.#output.diagnostic(this.#output.errorStyle.yellow(`Will be tried again: ${printable(line)}`))
    this.#issuesTold = now
  }

  #consent(name: string, yes: boolean): void {
    const share = this.#device.shares.get(name)
    const pending = share?.tree.consent
    if (!share || !pending) return
    if (yes) return void share.answerConsent(true)
    const what = [
      pending.deletes.length && `delete ${formatCount(pending.deletes.length, 'file')}`,
      pending.overwrites.length && `overwrite ${formatCount(pending.overwrites.length, 'file')}`,
    ]
      .filter(Boolean)
      .join(' and ')
    const whose = pending.direction === 'incoming' ? 'Another device wants to' : 'This vault would make the others'
    this.#output.object({
      event: 'consent',
      direction: pending.direction,
      deletes: pending.deletes.length,
      overwrites: pending.overwrites.length,
      paths: [...pending.deletes, ...pending.overwrites].slice(0, 100),
    })
    this.#output.diagnostic(
      this.#output.errorStyle.yellow(
        `${whose} ${what}: ${named([...pending.deletes, ...pending.overwrites])}. Nothing is done until you say so:`,
      ) +
        `\n  ${this.#output.errorStyle.bold(this.#context.commandLine('approve'))}\n  ${this.#output.errorStyle.bold(this.#context.commandLine('reject'))}`,
    )
  }

  #peer({ before, state, record }: Extract<DeviceEvent, { kind: 'peer' }>): void {
    const name = record?.name ?? state.id.slice(0, 10)
    const { current } = state
    this.#output.object({
      event: 'peer',
      id: state.id,
      name,
      link: state.link,
      health: state.health,
      activity: state.activity,
      current,
      error: state.lastError?.message ?? null,
    })
    if (before.link !== state.link && state.link === 'connected')
      this.#output.human(
        `${this.#output.style.green('Connected')} to ${name}${state.path ? this.#output.style.dim(` (${state.path.kind})`) : ''}`,
      )
    if (before.link === 'connected' && state.link === 'disconnected')
      this.#output.human(`Disconnected from ${name}${state.lastError ? `: ${state.lastError.message}` : ''}`)
    if (!before.current && state.current) this.#output.human(`In step with ${name}`)
    if (before.activity === 'syncing' && state.activity === 'idle') this.#endPhase()
  }

  /** Told when it comes, and listed by `tandem shares` as long as it has no place here. */
  #offer({ peer, share, offer }: Extract<DeviceEvent, { kind: 'offer' }>): void {
    const { folders, peers } = this.#device
    const peerName = peers.getPeers().find(({ nodeId }) => nodeId === peer)?.name ?? peer.slice(0, 10)
    this.#output.object({ event: 'offer', peer, peerName, share, ...(offer ?? { revoked: true }) })
    const here = folders.records().find(({ id }) => id === share)
    if (here && !offer)
      this.#output.human(
        here.from === peer
          ? `${printable(peerName)} no longer shares “${printable(here.title)}” with this device. What is here stays here.`
          : `${printable(peerName)} takes no part in “${printable(here.title)}” any more.`,
      )
    if (!here && offer && share !== VAULT_SHARE)
      this.#output.human(offerLine(this.#context, { ...offer, share, peerName }))
  }

  #show(label: string, progress: { files: number; totalFiles: number; bytes?: number; totalBytes?: number }): void {
    if (this.#phase === label) this.#output.progress().update(progress)
    else this.#output.progress().phase(label, progress)
    this.#phase = label
  }

  #endPhase(): void {
    if (this.#phase) this.#output.progress().done()
    this.#phase = null
  }
}

function named(paths: readonly string[]): string {
  const rest = paths.length - NAMED
  return paths.slice(0, NAMED).map(printable).join(', ') + (rest > 0 ? ` and ${formatCount(rest, 'other')}` : '')
}
