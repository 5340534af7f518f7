import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const config = join(root, '.dependency-cruiser.cjs')
const program = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')

interface Violation {
  readonly rule: { readonly name: string }
  readonly from: string
  readonly to: string
}

/** Runs the lint's own command with the lint's own rules over the `src` below a folder. */
async function violationsIn(folder: string): Promise<Violation[]> {
  const output = await new Promise<string>((resolve, reject) => {
    const args = [program, '--config', config, '--output-type', 'json', 'src']
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      // The exit code counts violations; only an output that is not there is a failure.
      if (stdout) resolve(stdout)
      else reject(error ?? new Error(stderr))
    })
  })
  return (JSON.parse(output) as { summary: { violations: Violation[] } }).summary.violations
}

/** A file that breaks a rule by one import; `to` is a file below src, or a package. */
interface Breach {
  readonly rule: string
  readonly from: string
  readonly to: string
}

const breaches: readonly Breach[] = [
  { rule: 'objects-imports', from: 'objects/a.ts', to: 'src/ports/clock.ts' },
  { rule: 'objects-imports', from: 'objects/b.ts', to: 'src/history/graph.ts' },
  { rule: 'ports-imports', from: 'ports/a.ts', to: 'src/history/graph.ts' },
  { rule: 'history-imports', from: 'history/a.ts', to: 'src/protocol/codec.ts' },
  { rule: 'history-imports', from: 'history/b.ts', to: 'src/engine/repository.ts' },
  { rule: 'protocol-imports', from: 'protocol/a.ts', to: 'src/peers/table.ts' },
  { rule: 'protocol-imports', from: 'protocol/b.ts', to: 'src/engine/repository.ts' },
  { rule: 'peers-imports', from: 'peers/a.ts', to: 'src/protocol/codec.ts' },
  { rule: 'engine-imports', from: 'engine/a.ts', to: 'src/adapters/memory/store.ts' },
  { rule: 'engine-imports', from: 'engine/b.ts', to: 'src/ui/tab.ts' },
  { rule: 'ui-imports', from: 'ui/a.ts', to: 'src/adapters/memory/store.ts' },
  { rule: 'ui-imports', from: 'ui/b.ts', to: 'src/main.ts' },
  { rule: 'cli-imports', from: 'cli.ts', to: 'src/ui/tab.ts' },
  { rule: 'cli-imports', from: 'cli/a.ts', to: 'src/demo/show.ts' },
  { rule: 'demo-imports', from: 'demo/a.ts', to: 'src/ui/tab.ts' },
  { rule: 'plugin-imports', from: 'plugin/a.ts', to: 'src/cli/style.ts' },
  { rule: 'main-imports', from: 'main.ts', to: 'src/cli/style.ts' },
  { rule: 'adapters-imports', from: 'adapters/node/a.ts', to: 'src/engine/repository.ts' },
  { rule: 'adapters-imports', from: 'adapters/iroh/a.ts', to: 'src/peers/table.ts' },
  { rule: 'adapters-apart', from: 'adapters/obsidian/a.ts', to: 'src/adapters/node/disk.ts' },
  { rule: 'cli-no-obsidian-adapters', from: 'cli/b.ts', to: 'src/adapters/obsidian/vault.ts' },
  { rule: 'obsidian-only-in-plugin', from: 'engine/c.ts', to: 'obsidian' },
  { rule: 'obsidian-only-in-plugin', from: 'adapters/idb/a.ts', to: 'obsidian' },
  { rule: 'iroh-only-in-adapter', from: 'engine/d.ts', to: '@number0/iroh' },
  { rule: 'iroh-only-in-adapter', from: 'cli/c.ts', to: '@number0/iroh' },
  { rule: 'node-only-on-node', from: 'objects/c.ts', to: 'node:fs' },
  { rule: 'node-only-on-node', from: 'engine/e.ts', to: 'node:crypto' },
  { rule: 'node-only-on-node', from: 'adapters/obsidian/b.ts', to: 'fs' },
  { rule: 'node-packages-on-node', from: 'engine/f.ts', to: '@parcel/watcher' },
  { rule: 'no-dev-dependency', from: 'engine/g.ts', to: 'vitest' },
  { rule: 'no-barrel', from: 'engine/h.ts', to: 'src/peers/index.ts' },
  { rule: 'no-outside-src', from: 'engine/i.ts', to: 'test/support/builder.ts' },
  { rule: 'no-unresolvable', from: 'engine/j.ts', to: 'src/engine/never-written.ts' },
]

/** Imports that the arrow allows: none of them may be reported. */
const allowed: readonly Omit<Breach, 'rule'>[] = [
  { from: 'ports/fine.ts', to: 'src/objects/oid.ts' },
  { from: 'history/fine.ts', to: 'src/ports/clock.ts' },
  { from: 'protocol/fine.ts', to: 'src/history/graph.ts' },
  { from: 'peers/fine.ts', to: 'src/history/graph.ts' },
  { from: 'engine/fine.ts', to: 'src/protocol/codec.ts' },
  { from: 'adapters/iroh/fine.ts', to: '@number0/iroh' },
  { from: 'adapters/iroh/fine-address.ts', to: 'src/peers/peer-address.ts' },
  { from: 'adapters/node/fine.ts', to: 'node:fs' },
  { from: 'adapters/node/fine-memory.ts', to: 'src/adapters/memory/store.ts' },
  { from: 'ui/fine.ts', to: 'obsidian' },
  { from: 'cli/fine.ts', to: 'src/adapters/node/disk.ts' },
  { from: 'demo/fine.ts', to: 'src/cli/style.ts' },
]

const targets = [
  ...new Set([...breaches, ...allowed].map(({ to }) => to)),
  'src/objects/ring-a.ts',
  'src/objects/ring-b.ts',
].filter((to) => to.endsWith('.ts') && !to.includes('never-written') && to !== 'src/main.ts')

const importOf = (from: string, to: string): string => {
  const up = '../'.repeat(from.split('/').length)
  return `import type { T } from '${to.endsWith('.ts') ? up + to : to}'\nexport type Mine = T\n`
}

describe('import direction', () => {
  it('holds in src', async () => {
    expect(await violationsIn(root)).toEqual([])
  })
})

describe('the rules of the import direction', () => {
  let folder = ''
  let found: string[] = []

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tandem-architecture-'))
    const put = async (path: string, text: string): Promise<void> => {
      await mkdir(join(folder, dirname(path)), { recursive: true })
      await writeFile(join(folder, path), text)
    }
    await copyFile(join(root, 'package.json'), join(folder, 'package.json'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
    for (const target of targets) await put(target, 'export type T = 1\n')
    for (const { from, to } of [...breaches, ...allowed]) await put(`src/${from}`, importOf(from, to))
    await put('src/objects/ring-a.ts', "import type { B } from './ring-b.ts'\nexport type A = B\n")
    await put('src/objects/ring-b.ts', "import type { A } from './ring-a.ts'\nexport type B = A\n")
    found = (await violationsIn(folder)).map(({ rule, from }) => `${rule.name}: ${from}`)
  })

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  it.each(breaches)('$rule refuses $from -> $to', ({ rule, from }) => {
    expect(found).toContain(`${rule}: src/${from}`)
  })

  it('no-circular refuses a ring of two, also one of types', () => {
    expect(found.filter((line) => line.startsWith('no-circular: src/objects/ring-'))).not.toEqual([])
  })

  it.each(allowed)('nothing refuses $from -> $to', ({ from }) => {
    expect(found.filter((line) => line.endsWith(`: src/${from}`))).toEqual([])
  })

  it('has a proof here for every rule there is', () => {
    const rules = createRequire(import.meta.url)(config) as { forbidden: { name: string }[] }
    const proven = new Set([...breaches.map(({ rule }) => rule), 'no-circular'])
    expect(rules.forbidden.map(({ name }) => name).filter((name) => !proven.has(name))).toEqual([])
  })
})
