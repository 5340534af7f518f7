/**
 * Takes the pictures of the plugin's screens: `node scripts/screenshots.mjs` writes docs/images/<screen>-<look>.png.
 *
 *   node scripts/screenshots.mjs FOLDER all [NAME]    further screens, too, into another folder: to look at while working on
 *                                                     them; with a name those that begin so
 *
 * Needs a Chromium: /usr/bin/chromium, or the one that the variable CHROMIUM names.
 */
import { build } from 'esbuild'
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
// Inside the project, so that the packages that it imports are found.
const folder = join(root, 'node_modules/.cache/tandem')
const program = join(folder, 'take-screenshots.mjs')

mkdirSync(folder, { recursive: true })
await build({
  absWorkingDir: root,
  entryPoints: ['test/ui/take-screenshots.ts'],
  outfile: program,
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  logLevel: 'error',
})
const { status } = spawnSync(process.execPath, [program, ...process.argv.slice(2)], {
  cwd: root,
  env: { ...process.env, TANDEM_ROOT: root },
  stdio: 'inherit',
})
process.exit(status ?? 1)
