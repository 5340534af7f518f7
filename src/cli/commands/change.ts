import type { Context } from '../context.ts'
import { openShare } from '../engine-host.ts'
import { withEngine } from '../engine-run.ts'
import { ExitCode } from '../exit-codes.ts'
import { formatCount } from '../format.ts'
import { restoreInShare, type Restored } from '../operations.ts'
import { printable } from '../printable.ts'

/** `tandem restore PATH --at COMMIT`: an ordinary new edit that brings an old version back. */
export async function restore(context: Context, path: string, commit: string): Promise<void> {
  const { output } = context
  context.openState() // is there one?
  const lock = await context.lockOrReach('restore')
  if (lock === 'running') return tell(context, path, (await context.call('restore', { path, commit })) as Restored)
  try {
    const share = await openShare(context.openState(), (reason) => output.diagnostic(reason))
    try {
      tell(context, path, await restoreInShare(share, commit, path))
    } finally {
      await share.stop()
    }
  } finally {
    await lock.release()
  }
}

function tell({ output }: Context, path: string, { result, commit }: Restored): void {
  output.object({ event: 'restored', path, commit, changed: result === 'restored' })
  output.human(
    result === 'restored'
      ? `${printable(path)} is again as it was in ${commit.slice(0, 10)}. It syncs like any other edit, and the version before it stays in the history.`
      : `${printable(path)} is the same as in ${commit.slice(0, 10)} already.`,
  )
}

/** `tandem approve` and `tandem reject`: the answer to a change of very many files (E3). */
export async function consent(context: Context, yes: boolean): Promise<ExitCode> {
  const { output } = context
  if (!(await context.isRunning())) {
    context.openState() // no state at all is another trouble
    output.human('Nothing waits for an answer, because nothing runs here. Start it with:')
    output.human(`  ${output.style.bold(context.commandLine('up'))}`)
    output.object({ answered: false })
    return ExitCode.notInStep
  }
  const result = (await context.call('consent', { yes })) as {
    answered: boolean
    deletes?: number
    overwrites?: number
  }
  output.object({ ...result })
  if (!result.answered) output.human('Nothing waits for an answer.')
  else
    output.human(
      yes
        ? `Approved: ${formatCount(result.deletes ?? 0, 'deletion')}, ${formatCount(result.overwrites ?? 0, 'overwrite')}.`
        : 'Rejected: the files stay as they are here, and the other devices get them back.',
    )
  return ExitCode.ok
}

/** `tandem remove PEER`: ends the pairing with a device. */
export async function remove(context: Context, peer: string): Promise<void> {
  const { removed } = (await withEngine(context, 'remove', (request) => request('remove', { peer }))) as {
    removed: { id: string; name: string }
  }
  context.output.object({ event: 'removed', ...removed })
  context.output.human(
    `${context.output.style.bold(printable(removed.name))} is no longer paired with this device. It keeps the files that it has.`,
  )
}
