/** The whole history from one store into another and onto the disk, through our own transfer in one process, beside `git clone` of the same repository. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { copyFolder, lastJson, median, run, settleDisk } from './kit.mjs'

export async function clone({ options, work, vault, bundles }) {
  const copy = join(work, 'clone-source')
  const state = join(work, 'clone-state')
  await copyFolder(vault, copy)
  await run([process.execPath, bundles.inProcess, 'snapshot', copy, state])
  const source = pathToFileURL(join(state, 'repository.git')).href
  const ours = []
  const git = []
  for (let round = 0; round < options.rounds; round++) {
    for (const side of round % 2 ? ['git', 'ours'] : ['ours', 'git']) {
      const target = join(work, 'clone-target')
      const targetState = join(work, 'clone-target-state')
      await settleDisk()
      if (side === 'git') git.push(await run(['git', 'clone', '-q', source, target], { work }))
      else {
        await run(['git', 'init', '-q', target])
        rmSync(join(target, '.git'), { recursive: true })
        const whole = await run([process.execPath, bundles.inProcess, 'clone', state, target, targetState], { work })
        ours.push({ ...lastJson(whole.text), wholeMs: whole.ms })
        rmSync(targetState, { recursive: true })
      }
      rmSync(target, { recursive: true })
    }
  }
  rmSync(copy, { recursive: true })
  rmSync(state, { recursive: true })
  const of = (key) => median(ours.map((take) => take[key]))
  return [
    {
      what: 'clone and checkout, durable, both sides',
      unit: 'ms',
      value: of('wholeMs'),
      beside: { name: 'git clone', value: median(git.map((take) => take.ms)) },
    },
    {
      what: 'of that the transfer, verified',
      unit: 'ms',
      value: of('transferMs'),
      note: `${(of('bytes') / 1e6).toFixed(1)} MB`,
    },
    {
      what: 'of that the checkout',
      unit: 'ms',
      value: of('checkoutMs'),
      note: `${of('files')} files, each synced to disk`,
    },
    { what: 'CPU', unit: 'ms', value: of('cpuMs') },
    { what: 'peak memory, both sides in one process', unit: 'MB', value: of('peakMB') },
  ]
}
