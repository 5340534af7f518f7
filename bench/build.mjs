/** Bundles what the benchmarks run into `dist/bench`, always from the sources as they are now. */
import { build } from 'esbuild'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const REQUIRE = [
  "import { createRequire as tandemCreateRequire } from 'node:module'",
  'const require = tandemCreateRequire(import.meta.url)',
].join('\n')

/** The paths of the headless peer, the engine without a network, the bare streams, and git's protocol. */
export async function buildBench() {
  await build({
    absWorkingDir: root,
    entryPoints: {
      cli: 'src/cli.ts',
      'in-process': 'bench/in-process.ts',
      'raw-stream': 'bench/raw-stream.ts',
      'git-peer': 'bench/git-peer.ts',
    },
    outdir: 'dist/bench',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['@number0/iroh', '@parcel/watcher'],
    banner: { js: REQUIRE },
    logLevel: 'warning',
    sourcemap: 'linked',
  })
  const path = (name) => join(root, 'dist/bench', `${name}.mjs`)
  return { cli: path('cli'), inProcess: path('in-process'), rawStream: path('raw-stream'), gitPeer: path('git-peer') }
}
