/**
 * Starts the long simulation: `npm run sim -- --seeds 200`, or `--seed 17` to replay one fleet.
 * The runner knows no options of ours, so they go on as environment variables:
 * TANDEM_SIM_SEEDS (how many), TANDEM_SIM_SEED (exactly this one), TANDEM_SIM_DEVICES (2 to 8; else each seed chooses).
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const usage = 'usage: npm run sim -- [--seeds N] [--seed N] [--devices 2..8]'

function refuse(problem) {
  console.error(`${problem}\n${usage}`)
  process.exit(2)
}

let values
try {
  values = parseArgs({
    options: { seeds: { type: 'string' }, seed: { type: 'string' }, devices: { type: 'string' } },
    strict: true,
  }).values
} catch (error) {
  refuse(error.message)
}

function wholeNumber(name, least, most) {
  const text = values[name]
  if (text === undefined) return undefined
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most) {
    refuse(`--${name} takes a whole number from ${least} to ${most}, not "${text}"`)
  }
  return text
}

const seeds = wholeNumber('seeds', 1, 1_000_000)
const seed = wholeNumber('seed', 0, 4_294_967_295)
const devices = wholeNumber('devices', 2, 8)
if (seeds !== undefined && seed !== undefined) refuse('--seeds and --seed exclude each other')

const env = { ...process.env }
for (const [name, value] of Object.entries({ SEEDS: seeds, SEED: seed, DEVICES: devices })) {
  delete env[`TANDEM_SIM_${name}`]
  if (value !== undefined) env[`TANDEM_SIM_${name}`] = value
}

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const run = spawn(process.execPath, [vitest, 'run', '--config', 'vitest.sim.config.ts'], {
  cwd: root,
  env,
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal))
run.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)))
