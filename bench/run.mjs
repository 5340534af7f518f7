/**
 * Measures Tandem beside stock git and beside what the machine itself can do, all in one run.
 *
 *   npm run bench -- [--notes 10000] [--attachments 300] [--rounds 3] [--only NAME[,NAME]] [--json FILE] [--quick]
 *
 * Rounds are interleaved, ours and theirs in turns, and the table shows medians: what else the machine does meanwhile hits both.
 * `--quick` is a small vault and one round, to see that everything runs. Parts: snapshot, rescan, clone, first-sync, live, graph, git, plugin, cuts.
 */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildBench } from './build.mjs'
import { cuts } from './cuts.mjs'
import { clone } from './clone.mjs'
import { firstSync } from './first-sync.mjs'
import { git } from './git.mjs'
import { graph } from './graph.mjs'
import { run, settleDisk } from './kit.mjs'
import { live } from './live.mjs'
import { makeVault } from './make-vault.mjs'
import { plugin } from './plugin.mjs'
import { rescan } from './rescan.mjs'
import { snapshot } from './snapshot.mjs'
import { printTable } from './table.mjs'

/** `live` goes on with the two peers that `firstSync` leaves running. */
const PARTS = { snapshot, rescan, clone, 'first-sync': firstSync, live, graph, git, plugin, cuts }

const USAGE = `usage: npm run bench -- [--notes N] [--attachments N] [--rounds N] [--only NAME[,NAME]] [--json FILE] [--quick]
parts: ${Object.keys(PARTS).join(', ')}`

function readOptions() {
  const { values } = parseArgs({
    options: {
      notes: { type: 'string' },
      attachments: { type: 'string' },
      rounds: { type: 'string' },
      only: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean' },
    },
  })
  const number = (name, usual, least) => {
    const text = values[name]
    if (text === undefined) return usual
    if (!/^\d{1,7}$/.test(text) || Number(text) < least) throw new Error(`--${name} takes a whole number from ${least}`)
    return Number(text)
  }
  const quick = values.quick === true
  const only = values.only?.split(',') ?? Object.keys(PARTS)
  const unknown = only.find((name) => !(name in PARTS))
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}`)
  return {
    quick,
    only,
    json: values.json,
    notes: number('notes', quick ? 500 : 10_000, 10),
    attachments: number('attachments', quick ? 20 : 300, 0),
    rounds: number('rounds', quick ? 1 : 3, 1),
  }
}

async function main(options) {
  const work = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-bench-')))
  const state = { peers: undefined }
  const rows = []
  try {
    const bundles = await buildBench()
    const vault = join(work, 'vault')
    mkdirSync(vault)
    const made = await makeVault(vault, options)
    await settleDisk()
    const machine = `${cpus()[0]?.model.trim()} x ${cpus().length}, Node ${process.version}, ${(await run(['git', '--version'])).text.trim()}`
    console.log(
      `${made.notes} notes and ${made.attachments} attachments, ${(made.bytes / 1e6).toFixed(1)} MB, rounds: ${options.rounds}\n${machine}`,
    )
    for (const name of options.only) {
      const started = performance.now()
      const found = await PARTS[name]({ options, work, vault, made, bundles, state })
      const part = found.map((row) => ({ part: name, ...row }))
      rows.push(...part)
      printTable(name, part, (performance.now() - started) / 1000)
    }
    if (options.json !== undefined) {
      writeFileSync(
        options.json,
        `${JSON.stringify({ at: new Date().toISOString(), machine, made, options, rows }, null, 2)}\n`,
      )
    }
  } finally {
    await state.peers?.stop()
    rmSync(work, { recursive: true, force: true })
  }
}

let options
try {
  options = readOptions()
} catch (error) {
  console.error(`${error.message}\n${USAGE}`)
  process.exit(2)
}
await main(options)
