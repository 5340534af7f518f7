import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { NodeObjectStore } from '../../src/adapters/node/node-object-store.ts'
import { checkConnectivity, isConnected } from '../../src/engine/connectivity.ts'
import { CommitGraph } from '../../src/history/commit-graph.ts'
import type { GitObject } from '../../src/objects/oid.ts'
import { StockGit } from '../support/git.ts'
import { history, rawTree, vault } from '../support/hostile-objects.ts'
import { aBlob, oidOf } from '../support/object-samples.ts'

const file = aBlob('text\n')
const inner = rawTree([{ name: 'inner.md', oid: oidOf(nodeCodec, file) }])
const [fileOid, innerOid] = [oidOf(nodeCodec, file), oidOf(nodeCodec, inner)]

/** The check of a commit on a second tree, whose parent is on a first one that is sound. */
async function checked(first: GitObject, second: GitObject): ReturnType<typeof checkConnectivity> {
  const store = new MemoryObjectStore(nodeCodec)
  const parent = history(first, [file, inner])
  const child = history(second, [], [parent.commit])
  await store.writePack(parent.pack)
  await store.writePack(child.pack)
  return checkConnectivity(store, new CommitGraph(), [child.commit])
}

describe('[T2] a tree that gives an object another kind than its parent’s tree, or than it did itself', () => {
  const base = rawTree([
    { name: 'a', oid: fileOid },
    { mode: '40000', name: 'b', oid: innerOid },
  ])
  it.each<[string, GitObject]>([
    ['[E6] a file made a submodule', rawTree([{ mode: '160000', name: 'a', oid: fileOid }])],
    ['a file made a folder', rawTree([{ mode: '40000', name: 'a', oid: fileOid }])],
    ['a folder made a file', rawTree([{ name: 'b', oid: innerOid }])],
    [
      'a folder that is a file elsewhere',
      rawTree([
        { name: 'x', oid: fileOid },
        { mode: '40000', name: 'y', oid: fileOid },
      ]),
    ],
    [
      'a file that is a folder elsewhere',
      rawTree([
        { mode: '40000', name: 'x', oid: innerOid },
        { name: 'y', oid: innerOid },
      ]),
    ],
  ])('is refused: %s', async (_what, tree) => {
    await expect(checked(base, tree)).rejects.toMatchObject({ name: 'CorruptObjectError' })
  })

  it('unlike a file that becomes executable', async () => {
    const found = await checked(base, rawTree([{ mode: '100755', name: 'a', oid: fileOid }]))
    expect(found.fresh).toHaveLength(2)
  })
})

it('[T2] objects that a person’s git has pruned are missing, also when they were read not long ago', async () => {
  const git = new StockGit(mkdtempSync(join(tmpdir(), 'pruned-')))
  onTestFinished(() => rmSync(git.dir, { recursive: true, force: true }))
  git.run('init', '--quiet', '--bare', '.')
  const store = await NodeObjectStore.open(git.dir)
  onTestFinished(() => store.close())
  const { commit, pack } = vault({ 'Note.md': 'text\n' })
  await store.writePack(pack)
  const check = () => checkConnectivity(store, new CommitGraph(), [commit])
  expect(isConnected(await check())).toBe(true)
  // What an interrupted fetch leaves, no ref names.
  git.run('gc', '--quiet', '--prune=now')
  const found = await check()
  expect(found.missingCommits).toEqual([commit])
  expect(found.fresh).toEqual([])
  await store.writePack(pack)
  expect(isConnected(await check())).toBe(true)
})
