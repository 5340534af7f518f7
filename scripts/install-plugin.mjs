/**
 * Builds the plugin and puts it into a vault, with the native network component of this machine: for people who build from source.
 *
 *   npm run install-plugin -- VAULT
 *
 * The plugin's own data in that folder (data.json) stays as it is. Obsidian has to be told to use the plugin, in its settings.
 */
import { createHash } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { createRequire } from 'node:module'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const manifest = JSON.parse(fs.readFileSync(path.join(root, 'manifest.json'), 'utf8'))

/** @param {string} message */
function fail(message) {
  console.error(message)
  process.exit(2)
}

const [vault, ...rest] = process.argv.slice(2)
if (!vault || rest.length || vault.startsWith('-'))
  fail('Say which vault: npm run install-plugin -- VAULT\nVAULT is the folder that Obsidian opens.')
if (!fs.statSync(vault, { throwIfNoEntry: false })?.isDirectory()) fail(`There is no folder ${vault}.`)
const config = path.join(vault, '.obsidian')
if (!fs.existsSync(config))
  fail(`${vault} is not a vault yet: it has no folder .obsidian. Open it once in Obsidian, then try again.`)

execFileSync(process.execPath, [path.join(root, 'esbuild.config.mjs'), '--release'], { cwd: root, stdio: 'inherit' })

const folder = path.join(config, 'plugins', manifest.id)
fs.mkdirSync(folder, { recursive: true })
for (const name of ['main.js', 'manifest.json', 'styles.css'])
  replace(path.join(folder, name), fs.readFileSync(path.join(root, name)))
console.log(`Installed ${manifest.name} ${manifest.version} in ${folder}`)

const component = nativeComponent()
if (component) {
  const target = path.join(folder, 'native', `iroh-${component.sha256.slice(0, 16)}.node`)
  fs.mkdirSync(path.dirname(target), { recursive: true })
  replace(target, component.bytes)
  console.log(`Installed the network component, ${component.file} (SHA-256 ${component.sha256})`)
} else {
  console.log(
    `There is no checked network component for ${process.platform}-${process.arch} here: the plugin works, and cannot sync by itself.`,
  )
}
console.log(
  `\nNow in Obsidian: Settings → Community plugins → turn on “${manifest.name}”. If it was on already, turn it off and on again.`,
)

/** Of this machine, as the packages of this checkout hold it, if it is one of the pinned builds. */
function nativeComponent() {
  const { builds } = JSON.parse(fs.readFileSync(path.join(root, 'native-components.json'), 'utf8'))
  const from = createRequire(createRequire(path.join(root, 'package.json')).resolve('@number0/iroh/package.json'))
  for (const [build, { file, sha256 }] of Object.entries(builds)) {
    if (!build.startsWith(`${process.platform}-${process.arch}`)) continue
    try {
      const bytes = fs.readFileSync(from.resolve(`@number0/iroh-${build}/${file}`))
      if (createHash('sha256').update(bytes).digest('hex') === sha256) return { file, sha256, bytes }
      console.error(`${file} is not the build that was pinned for this version; run: npm ci`)
    } catch {
      // Another C library's build, not installed here.
    }
  }
  return null
}

/** In one step: Obsidian never loads half a file. */
function replace(target, bytes) {
  const temporary = `${target}.${process.pid}.tmp`
  const fd = fs.openSync(temporary, 'w')
  try {
    fs.writeFileSync(fd, bytes)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  fs.renameSync(temporary, target)
}
