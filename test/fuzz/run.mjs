/**
 * Starts the long fuzz run: `npm run fuzz -- --seconds 300`, or `--seed 17` to begin with the same inputs again.
 * The runner knows no options of ours, so they go on as environment variables:
 * TANDEM_FUZZ_SECONDS (for all targets together), TANDEM_FUZZ_SEED.
 */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const usage = 'usage: npm run fuzz -- [--seconds N] [--seed N]'

function refuse(problem) {
  console.error(`${problem}\n${usage}`)
  process.exit(2)
}

let values
try {
  values = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } }, strict: true }).values
} catch (error) {
  refuse(error.message)
}

function wholeNumber(name, fallback, least, most) {
  const text = values[name] ?? String(fallback)
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < least || number > most) {
    refuse(`--${name} takes a whole number from ${least} to ${most}, not "${text}"`)
  }
  return text
}

const seconds = wholeNumber('seconds', 60, 1, 86_400)
const seed = wholeNumber('seed', Date.now() % 2_147_483_647, 0, 2_147_483_647)
console.log(`seed ${seed}, ${seconds} s; again with: npm run fuzz -- --seed ${seed} --seconds ${seconds}`)

const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs')
const run = spawn(process.execPath, [vitest, 'run', 'test/fuzz/fuzz.test.ts'], {
  cwd: root,
  env: { ...process.env, TANDEM_FUZZ_SECONDS: seconds, TANDEM_FUZZ_SEED: seed },
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => run.kill(signal))
run.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)))
