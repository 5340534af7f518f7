import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openBareRepository } from '../../../src/adapters/node/bare-repository.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { NodeObjectStore } from '../../../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../../../src/adapters/node/node-ref-store.ts'
import type { GitObject } from '../../../src/objects/oid.ts'
import { StockGit } from '../../support/git.ts'
import { aCommit, aTree, notes, oidOf, packOf } from '../../support/object-samples.ts'

let folder: string
let victim: string

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'tandem-crash-'))
  victim = path.join(folder, 'victim.mjs')
  const entry = path.join(import.meta.dirname, '../../support/store-victim.ts')
  await build({
    entryPoints: [entry],
    outfile: victim,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A repository with a commit, in several packs and loose objects. */
async function aRepository(name: string): Promise<{ gitDir: string; objects: GitObject[] }> {
  const gitDir = path.join(folder, name)
  await openBareRepository(gitDir)
  const store = await NodeObjectStore.open(gitDir)
  const files = notes(210, 'before')
  const tree = aTree(nodeCodec, Object.fromEntries(files.map((file, i) => [`${i}.md`, file])))
  const commit = aCommit(nodeCodec, tree)
  await store.writePack(packOf(nodeCodec, files.slice(0, 100)))
  await store.writePack(packOf(nodeCodec, files.slice(100, 200)))
  await store.writePack(packOf(nodeCodec, [...files.slice(200), tree, commit]))
  await new NodeRefStore(gitDir).compareAndSwap('refs/heads/main', null, oidOf(nodeCodec, commit))
  await store.close()
  return { gitDir, objects: [...files, tree, commit] }
}

function temporaryFiles(gitDir: string): string[] {
  return readdirSync(gitDir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    path.basename(name).startsWith('tmp_'),
  )
}

describe('a process killed while it stores', () => {
  it.each([
    ['few', 1],
    ['many', 1],
    ['pack', 1],
    ['repack', 3],
  ])(
    'leaves a sound repository without junk, wherever it is killed: %s',
    async (scenario, step) => {
      let kills = 0
      const before = await aRepository(`${scenario}-before`)
      for (let at = 0; ; at += step) {
        const gitDir = path.join(folder, `${scenario}-${at}`)
        cpSync(before.gitDir, gitDir, { recursive: true })
        const result = spawnSync(process.execPath, [victim, gitDir, scenario, String(at)], { encoding: 'utf8' })
        expect(result.stderr).toBe('')
        const finished = result.stdout === 'finished'
        if (!finished) expect(result.signal).toBe('SIGKILL')
        else if (kills === 0) expect.unreachable('it was never killed')

        const store = await NodeObjectStore.open(gitDir)
        expect(temporaryFiles(gitDir)).toEqual([])
        for (const object of before.objects) {
          const read = await store.read(oidOf(nodeCodec, object))
          expect(Buffer.compare(read.content, object.content)).toBe(0)
        }
        for (const oid of notes(300, 'victim').map((object) => oidOf(nodeCodec, object))) {
          // There or not, but never in part.
          if (await store.has(oid)) await store.read(oid)
          else expect(finished && scenario === 'many').toBe(false)
        }
        expect(new StockGit(gitDir).text('fsck', '--strict', '--full', '--no-dangling')).toBe('')
        await store.close()
        rmSync(gitDir, { recursive: true })
        if (finished) break
        kills++
      }
    },
    120_000,
  )
})
