/** A vault that is known already: looking at all of it again, and committing one edit; in turns with git on a copy. */
import { appendFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Answering, copyFolder, median, run, settleDisk, sleep } from './kit.mjs'

export async function rescan({ options, work, vault, bundles }) {
  const copy = join(work, 'rescan-ours')
  const gitCopy = join(work, 'rescan-git')
  const state = join(work, 'rescan-state')
  await copyFolder(vault, copy)
  await copyFolder(vault, gitCopy)
  await run(['git', 'init', '-q', gitCopy])
  await run(['git', 'add', '-A'], { cwd: gitCopy })
  await run(['git', 'commit', '-qm', 'first'], { cwd: gitCopy })
  const ours = new Answering([process.execPath, bundles.inProcess, 'serve', copy, state])
  await ours.next()
  await settleDisk()
  await run(['git', 'status', '--porcelain'], { cwd: gitCopy })
  await ours.ask('rescan')

  const notes = readdirSync(vault, { recursive: true }).filter((path) => path.endsWith('.md'))
  const times = { rescan: [], status: [], edit: [], commit: [] }
  for (let round = 0; round < 4 * options.rounds; round++) {
    times.rescan.push((await ours.ask('rescan')).ms)
    times.status.push((await run(['git', 'status', '--porcelain'], { cwd: gitCopy })).ms)
    const path = notes[(round * 7919) % notes.length]
    appendFileSync(join(copy, path), `\nEdit ${round}.\n`)
    appendFileSync(join(gitCopy, path), `\nEdit ${round}.\n`)
    await sleep(20)
    const edit = await ours.ask(`edit ${path.split('\\').join('/')}`)
    if (edit.commits !== 1) throw new Error(`the edit of ${path} was not committed`)
    times.edit.push(edit.ms)
    const add = await run(['git', 'add', '--', path], { cwd: gitCopy })
    times.commit.push(add.ms + (await run(['git', 'commit', '-qm', `edit ${round}`], { cwd: gitCopy })).ms)
  }
  await ours.end()
  for (const folder of [copy, gitCopy, state]) rmSync(folder, { recursive: true })
  return [
    {
      what: 'rescan of the unchanged vault',
      unit: 'ms',
      value: median(times.rescan),
      beside: { name: 'git status', value: median(times.status) },
      aim: { most: 200 },
    },
    {
      what: 'commit of one edit, durable',
      unit: 'ms',
      value: median(times.edit),
      beside: { name: 'git add+commit', value: median(times.commit) },
    },
  ]
}
