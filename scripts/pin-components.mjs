/**
 * Writes `native-components.json`: name, size and SHA-256 of Iroh's binding for every platform, in the version that
 * `package-lock.json` names. Run it after an update of `@number0/iroh`, and look at what changed before you commit it.
 *
 *   node scripts/pin-components.mjs
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
const iroh = lock.packages['node_modules/@number0/iroh']

const builds = {}
for (const [name, version] of Object.entries(iroh.optionalDependencies).sort()) {
  const work = mkdtempSync(join(tmpdir(), 'tandem-pin-'))
  try {
    // npm checks the package against the registry's own integrity hash.
    spawnSync('npm', ['pack', '--silent', `${name}@${version}`], { cwd: work, stdio: 'ignore' })
    const [archive] = readdirSync(work)
    if (!archive) {
      console.error(`${name} ${version}  not published`)
      continue
    }
    execFileSync('tar', ['-xzf', archive], { cwd: work })
    const file = readdirSync(join(work, 'package')).find((entry) => entry.endsWith('.node'))
    const bytes = readFileSync(join(work, 'package', file))
    builds[name.replace('@number0/iroh-', '')] = {
      file,
      bytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    }
    console.error(`${name} ${version}  ${bytes.length}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
writeFileSync(join(root, 'native-components.json'), `${JSON.stringify({ version: iroh.version, builds }, null, 2)}\n`)
