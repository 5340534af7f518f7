/**
 * Builds what ships: `main.js` (the plugin), `dist/cli.mjs` (the headless peer), `dist/git-remote-tandem.mjs` (what git
 * starts for `tandem::` URLs), `dist/demo.mjs` (`npm start`).
 *
 *   node esbuild.config.mjs             readable, with inline source maps
 *   node esbuild.config.mjs --release   minified, no source maps
 *   … --outdir=DIR                      there, instead of here
 *
 * The same sources and lock file give the same bytes: no times, no paths of the machine.
 */
import { build } from 'esbuild'
import { builtinModules } from 'node:module'
import { chmod, readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(fileURLToPath(import.meta.url))
const options = new Set(process.argv.slice(2))
const release = options.delete('--release')
const outdirOption = [...options].find((option) => option.startsWith('--outdir='))
options.delete(outdirOption)
const outdir = outdirOption ? resolve(outdirOption.slice('--outdir='.length)) : root
if (options.size > 0) {
  console.error(`unknown option ${[...options].join(' ')}\nusage: node esbuild.config.mjs [--release] [--outdir=DIR]`)
  process.exit(2)
}

const common = {
  absWorkingDir: root,
  bundle: true,
  charset: 'utf8',
  legalComments: 'eof',
  logLevel: 'warning',
  minify: release,
  sourcemap: release ? false : 'inline',
  sourcesContent: false,
  target: 'es2022',
  treeShaking: true,
}

/**
 * jsqr knows every Japanese character that a QR code may hold in its Kanji mode: 105 kB, which each start of the app would read. The
 * codes of this plugin are links, in bytes. Without the table such characters of a foreign code are read as U+0000.
 */
const withoutKanji = {
  name: 'without-kanji',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]jsqr[\\/]dist[\\/]jsQR\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const contents = text.replace(/exports\.shiftJISTable = \{[^{}]*\};/, 'exports.shiftJISTable = {};')
      if (text.length - contents.length < 100_000)
        throw new Error(`${path}: the table of Japanese characters is elsewhere`)
      return { contents, loader: 'js' }
    })
  },
}

/** Obsidian loads one CommonJS file and gives it these modules. */
const plugin = {
  ...common,
  entryPoints: ['src/main.ts'],
  outfile: 'main.js',
  format: 'cjs',
  platform: 'browser',
  charset: 'ascii', // with any other character, the engine would keep the text in twice the memory
  external: ['obsidian', 'electron', '@codemirror/*', '@lezer/*', ...builtinModules, 'node:*'],
  define: { 'import.meta.url': 'undefined' }, // there is none in a CommonJS file
  plugins: [withoutKanji],
  // As calls of `RegExp`: a literal is checked whenever the file is read, and these ask for tables of Unicode then, all in all for
  // some milliseconds.
  supported: { 'regexp-unicode-property-escapes': false },
}

/** CommonJS packages inside an ES module still ask for `require`. */
const nodeBanner = [
  '#!/usr/bin/env node',
  "import { createRequire as tandemCreateRequire } from 'node:module'",
  'const require = tandemCreateRequire(import.meta.url)',
].join('\n')

/** Native add-ons stay packages; everything else goes in. The entry files carry no `#!` line of their own. */
const forNode = (entry, outfile) => ({
  ...common,
  entryPoints: [entry],
  outfile,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  external: ['@number0/iroh', '@parcel/watcher'],
  banner: { js: nodeBanner },
})

const targets = [
  plugin,
  forNode('src/cli.ts', 'dist/cli.mjs'),
  forNode('src/cli/git-remote-tandem.ts', 'dist/git-remote-tandem.mjs'),
  forNode('src/demo/demo.ts', 'dist/demo.mjs'),
]

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`

for (const target of targets) {
  try {
    await build({ ...target, outfile: join(outdir, target.outfile) })
  } catch {
    process.exit(1) // esbuild has said why
  }
  const file = join(outdir, target.outfile)
  if (target.platform === 'node') await chmod(file, 0o755)
  console.error(`${target.outfile}  ${kilobytes((await stat(file)).size)}`)
}
