import { setTimeout as sleep } from 'node:timers/promises'
import { ExitCode } from '../cli/exit-codes.ts'
import { compareVaults, type VaultComparison } from './compare-vaults.ts'
import { copyVault } from './copy-vault.ts'
import { DemoError } from './demo-error.ts'
import type { DemoFolder } from './demo-folder.ts'
import { prepareNotes, type DemoNotes } from './demo-notes.ts'
import { DemoPeer } from './demo-peer.ts'
import { planSteps, runStep } from './demo-steps.ts'
import type { DemoView } from './demo-view.ts'
import { compareClone, fsck, gitVersion } from './git-check.ts'
import { LiveView } from './live-view.ts'
import { shortName } from './short-name.ts'
import { SyncProgress } from './sync-progress.ts'
import { walkVault } from './vault-walk.ts'

/** Long for anything that hangs, longer than any vault takes on a slow machine. */
const FIRST_SYNC_MS = 30 * 60_000
const STEP_MS = 30_000
const IN_STEP_MS = 60_000

export interface DemoSetting {
  readonly program: string
  /** The vault to copy. */
  readonly source: string
  readonly isSample: boolean
  readonly folder: DemoFolder
  readonly once: boolean
  readonly keep: boolean
  readonly view: DemoView
  /** Between the edits, for a person who watches. */
  readonly pauseMs: number
  /** The person's Ctrl-C. */
  readonly signal: AbortSignal
}

/** The whole demonstration, act by act. The peers are stopped however it ends. */
export async function runDemo(setting: DemoSetting): Promise<ExitCode> {
  const trouble = new AbortController()
  const signal = AbortSignal.any([setting.signal, trouble.signal])
  const { folder, program, view } = setting
  const peer = (folders: DemoFolder['a']): DemoPeer =>
    new DemoPeer({ program, folders, signal, onTrouble: (error) => trouble.abort(error) })
  const [a, b] = [peer(folder.a), peer(folder.b)]
  try {
    view.begin(folder, setting.source, setting.isSample)
    const notes = await prepareVaults(setting, signal)
    await pair(a, b, view)
    const stepsWorked = (await firstSync(a, b, view, signal)) && (await edit(setting, notes, signal))
    const checked = await check(setting, a, b, signal)
    view.result({ ok: stepsWorked && checked.ok, steps: stepsWorked, ...checked.result })
    const code = stepsWorked && checked.ok ? ExitCode.ok : ExitCode.notInStep
    if (setting.once || code !== ExitCode.ok) return code
    await live(a, b, setting, signal)
    return ExitCode.ok
  } finally {
    await Promise.all([a.stop(), b.stop()])
  }
}

async function prepareVaults({ source, folder, view }: DemoSetting, signal: AbortSignal): Promise<DemoNotes> {
  const progress = view.output.progress()
  const startedAt = performance.now()
  if (!view.output.json) progress.phase('Copying the vault')
  const copy = await copyVault(source, folder.a.vault, signal, (state) => progress.update(state))
  progress.done()
  view.copied(copy, performance.now() - startedAt)
  return prepareNotes(folder.a.vault, (await walkVault(folder.a.vault)).files)
}

async function pair(a: DemoPeer, b: DemoPeer, view: DemoView): Promise<void> {
  view.chapter('Pairing')
  await Promise.all([a.init(), b.init()])
  const startedAt = performance.now()
  await new Promise<void>((resolve, reject) => {
    let joined: Promise<void> | undefined
    const invited = a.invite((link) => {
      view.link(link)
      joined = b.join(link)
      joined.catch(reject) // then nobody will ever use the invitation: it is stopped with the peer
    })
    invited.then(() => joined).then(resolve, reject)
  })
  view.paired(performance.now() - startedAt)
}

/** False when the vaults differ though both peers call themselves in step. */
async function firstSync(a: DemoPeer, b: DemoPeer, view: DemoView, signal: AbortSignal): Promise<boolean> {
  view.chapter('First sync')
  const progress = new SyncProgress(view.output)
  for (const peer of [a, b]) {
    peer.onEvent = (event) => {
      if (event.event === 'progress') progress.take(peer.name, event)
      if (event.event === 'log' && (event.level === 'warn' || event.level === 'error'))
        view.output.diagnostic(view.output.errorStyle.yellow(`${peer.name}: ${String(event.message)}`))
    }
  }
  const startedAt = performance.now()
  await Promise.all([a.start(FIRST_SYNC_MS), b.start(FIRST_SYNC_MS)])
  await Promise.all([a.awaitInStep(FIRST_SYNC_MS), b.awaitInStep(FIRST_SYNC_MS)])
  const ms = performance.now() - startedAt
  progress.end()
  for (const peer of [a, b]) peer.onEvent = () => undefined
  const comparison = await compareVaults(a.vault, b.vault)
  signal.throwIfAborted()
  view.firstSync(comparison, ms)
  return comparison.same
}

/** False when one of the edits did not arrive in time: the rest is left out, and the checks show what is there. */
async function edit({ folder, view, pauseMs }: DemoSetting, notes: DemoNotes, signal: AbortSignal): Promise<boolean> {
  view.chapter('Edits')
  const steps = await planSteps({ a: folder.a.vault, b: folder.b.vault, notes }, (path) => shortName(path))
  for (const [index, step] of steps.entries()) {
    view.stepBegins(index + 1, step)
    try {
      view.stepArrived(step, await runStep(step, STEP_MS, signal))
    } catch (error) {
      if (!isTooLate(error)) throw error
      view.stepFailed(step.name, error.message)
      return false
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
  return true
}

interface Checked {
  readonly ok: boolean
  readonly result: Readonly<Record<string, unknown>>
}

async function check({ folder, view }: DemoSetting, a: DemoPeer, b: DemoPeer, signal: AbortSignal): Promise<Checked> {
  view.chapter('Checks')
  await Promise.all([a.awaitInStep(IN_STEP_MS), b.awaitInStep(IN_STEP_MS)]).catch((error: unknown) => {
    if (!isTooLate(error)) throw error
    view.stepFailed('in step', error.message) // and the comparison shows what is missing
  })
  const comparison = await timed(
    () => compareVaults(a.vault, b.vault),
    (result, ms) => view.compared(result, ms),
  )
  const repositories = [await a.repository(), await b.repository()]
  const git = await checkWithGit({ folder, view }, [a, b], repositories, signal)
  view.summary()
  return {
    ok: comparison.same && git.ok,
    result: {
      same: comparison.same,
      files: comparison.files,
      bytes: comparison.bytes,
      differences: differencesOf(comparison),
      repositories,
      vaults: [a.vault, b.vault],
      fsck: git.fsck,
      clone: git.clone,
      work: folder.root,
    },
  }
}

async function checkWithGit(
  { folder, view }: Pick<DemoSetting, 'folder' | 'view'>,
  peers: readonly DemoPeer[],
  repositories: readonly string[],
  signal: AbortSignal,
): Promise<{ ok: boolean; fsck: 'clean' | 'faulty' | 'not checked'; clone: 'same' | 'different' | 'not checked' }> {
  if ((await gitVersion(signal)) === null) {
    view.gitMissing()
    return { ok: true, fsck: 'not checked', clone: 'not checked' }
  }
  let clean = true
  for (const [index, repository] of repositories.entries()) {
    const result = await timed(
      () => fsck(repository, signal),
      (found, ms) => view.fsckDone(peers[index]!.name, found, ms),
    )
    clean &&= result.clean
  }
  const clone = await timed(
    () => compareClone(repositories[0]!, folder.clone, folder.a.vault, signal),
    (found, ms) => view.cloneDone(found, ms),
  )
  const same = clone.comparison?.same === true
  return { ok: clean && same, fsck: clean ? 'clean' : 'faulty', clone: same ? 'same' : 'different' }
}

/** Until Ctrl-C; a peer that dies ends it too. */
async function live(
  a: DemoPeer,
  b: DemoPeer,
  { view, keep, signal: ended }: DemoSetting,
  signal: AbortSignal,
): Promise<void> {
  const liveView = new LiveView(view.output, a, b)
  for (const peer of [a, b]) peer.onEvent = (event) => liveView.take(peer, event)
  liveView.begin(keep)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  for (const peer of [a, b]) peer.onEvent = () => undefined
  if (!ended.aborted) signal.throwIfAborted()
}

function isTooLate(error: unknown): error is DemoError {
  return error instanceof DemoError && error.code === 'too-late'
}

async function timed<T>(work: () => Promise<T>, tell: (result: T, ms: number) => void): Promise<T> {
  const startedAt = performance.now()
  const result = await work()
  tell(result, performance.now() - startedAt)
  return result
}

const differencesOf = ({ differences }: VaultComparison): VaultComparison['differences'] => differences.slice(0, 100)
