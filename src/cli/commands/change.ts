import { nodeCodec } from '../../adapters/node/node-codec.ts'
import { openNodeVault } from '../../adapters/node/node-vault-files.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { fileAt } from '../../engine/history-queries.ts'
import { restoreFile } from '../../engine/restore.ts'
import type { Context } from '../context.ts'
import { openHistory } from '../engine-host.ts'
import { withEngine } from '../engine-run.ts'
import { ExitCode } from '../exit-codes.ts'

/** `tandem restore PATH --at COMMIT`: an ordinary new edit that brings an old version back. */
export async function restore(context: Context, path: string, commit: string): Promise<void> {
  const { output } = context
  if (await context.isRunning())
    return tell(context, path, (await context.call('restore', { path, commit })) as Restored)
  const state = context.openState()
  const lock = await context.lock('restore')
  try {
    const repository = await openHistory(state)
    const files = await openNodeVault({
      root: state.vault,
      codec: nodeCodec,
      clock: systemClock,
      onWarning: ({ reason }) => output.diagnostic(reason),
    })
    const found = await fileAt(repository, commit, path)
    const result = await restoreFile(repository, files, found.path, found.oid)
    await files.close()
    tell(context, path, { result, commit: found.commit })
  } finally {
    await lock.release()
  }
}

interface Restored {
  readonly result: 'restored' | 'same'
  readonly commit: string
}

function tell({ output }: Context, path: string, { result, commit }: Restored): void {
  output.object({ event: 'restored', path, commit, changed: result === 'restored' })
  output.human(
    result === 'restored'
      ? `${path} is again as it was in ${commit.slice(0, 10)}. It syncs like any other edit.`
      : `${path} is the same as in ${commit.slice(0, 10)} already.`,
  )
}

/** `tandem approve` and `tandem reject`: the answer to a change of very many files (E3). */
export async function consent(context: Context, yes: boolean): Promise<ExitCode> {
  const { output } = context
  if (!(await context.isRunning())) {
    output.human('Nothing runs here that could wait for an answer. Start it with: tandem up')
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
        ? `Approved: ${result.deletes} deletions, ${result.overwrites} overwrites.`
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
  context.output.human(`${removed.name} is no longer a peer. It keeps the files that it has.`)
}
