import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { refUpdater } from '../../support/ref-updater.ts'
import { Repository } from '../../../src/engine/repository.ts'
import { concatBytes } from '../../../src/objects/bytes.ts'
import type { Codec } from '../../../src/objects/codec.ts'
import type { GitObject } from '../../../src/objects/oid.ts'
import { history, rawTree, vault } from '../../support/hostile-objects.ts'
import { aBlob, oidOf, packOf } from '../../support/object-samples.ts'
import { rawPush } from '../../support/raw-push.ts'
import { AGENT, SELF } from './git-fixture.ts'

const GOOD = aBlob('what everybody has\n')
const EVIL = aBlob('what somebody made\n')
const LONG = aBlob('what somebody made, and not even of that length\n')

/** A SHA-1 that somebody has learnt to break: these two have the name of the good one. */
const broken: Codec = {
  ...nodeCodec,
  sha1: () => {
    const parts: Uint8Array[] = []
    return {
      update(bytes) {
        parts.push(bytes.slice())
        return this
      },
      hex: () => {
        const whole = concatBytes(parts)
        const forged = [EVIL, LONG].some((object) => Buffer.compare(whole, named(object)) === 0)
        return nodeCodec
          .sha1()
          .update(forged ? named(GOOD) : whole)
          .hex()
      },
    }
  },
}

function named({ type, content }: GitObject): Uint8Array {
  return concatBytes([new TextEncoder().encode(`${type} ${content.length}\0`), content])
}

describe('[T8] a push with an object that has the name of another one', () => {
  it.each([
    ['of the same length', EVIL],
    ['of another length', LONG],
  ])('%s is refused in git’s words, and the one that is here stays', async (_what, forged) => {
    const objects = new MemoryObjectStore(broken)
    const refs = new MemoryRefStore()
    const first = vault({ 'a.md': 'what everybody has\n' })
    await objects.writePack(first.pack)
    await refs.compareAndSwap('refs/heads/main', null, first.commit)
    const repository = await Repository.open(objects, refs, broken, SELF)
    const visible = async () => ({ refs: await refs.list(), head: 'refs/heads/main' as const })
    const endpoint = {
      receive: { repository, visible, agent: AGENT, mayUpdate: () => new Map(), update: refUpdater(refs) },
    }
    const oid = oidOf(nodeCodec, GOOD)
    const tree = rawTree([{ name: 'b.md', oid }])
    const { commit, objects: pushed } = history(tree, [forged], [first.commit])
    const command = { name: 'refs/heads/main', from: first.commit, to: commit }
    const report = await rawPush(endpoint, [command], packOf(nodeCodec, pushed))
    expect(report.unpack).toBe(`SHA1 COLLISION FOUND WITH ${oid} !`)
    expect((await refs.list()).get('refs/heads/main')).toBe(first.commit)
    expect((await objects.read(oid)).content).toEqual(GOOD.content)
    expect(await objects.has(commit)).toBe(false)
    // The good one once more does no harm.
    const again = history(tree, [GOOD], [first.commit])
    expect((await rawPush(endpoint, [command], packOf(nodeCodec, again.objects))).unpack).toBeNull()
  })
})
