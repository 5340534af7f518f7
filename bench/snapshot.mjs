/** The first commit of a whole vault: ours, durable, beside `git add` and `git commit`, each on a fresh copy and in its own process. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { copyFolder, lastJson, median, run } from './kit.mjs'

export async function snapshot({ options, work, vault, bundles }) {
  const ours = []
  const git = []
  for (let round = 0; round < options.rounds; round++) {
    const takes = [() => ours.push(0) && takeOurs(), () => git.push(0) && takeGit()]
    for (const take of round % 2 ? takes.reverse() : takes) await take()
  }

  async function takeOurs() {
    const copy = join(work, 'snapshot-ours')
    const state = join(work, 'snapshot-state')
    await copyFolder(vault, copy)
    const { ms, rssMB, text } = await run([process.execPath, bundles.inProcess, 'snapshot', copy, state], { work })
    const inside = lastJson(text)
    ours[ours.length - 1] = { ms, rssMB: rssMB ?? inside.peakMB, insideMs: inside.ms, cpuMs: inside.cpuMs }
    rmSync(copy, { recursive: true })
    rmSync(state, { recursive: true })
  }

  async function takeGit() {
    const copy = join(work, 'snapshot-git')
    await copyFolder(vault, copy)
    await run(['git', 'init', '-q', copy])
    const add = await run(['git', 'add', '-A'], { cwd: copy, work })
    const commit = await run(['git', 'commit', '-qm', 'first'], { cwd: copy, work })
    const rssMB = add.rssMB === undefined ? undefined : Math.max(add.rssMB, commit.rssMB)
    git[git.length - 1] = { ms: add.ms + commit.ms, rssMB }
    rmSync(copy, { recursive: true })
  }

  const of = (list, key) =>
    list.some((take) => take[key] === undefined) ? undefined : median(list.map((take) => take[key]))
  return [
    {
      what: 'first snapshot, whole process',
      unit: 'ms',
      value: of(ours, 'ms'),
      beside: { name: 'git add+commit', value: of(git, 'ms') },
      aim: { most: 0.8, x: true },
    },
    { what: 'without the start of Node', unit: 'ms', value: of(ours, 'insideMs') },
    { what: 'CPU of it', unit: 'ms', value: of(ours, 'cpuMs') },
    {
      what: 'peak memory',
      unit: 'MB',
      value: of(ours, 'rssMB'),
      beside: { name: 'git', value: of(git, 'rssMB') },
      aim: { most: 300 },
    },
  ]
}
