import { expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { packBytes } from '../../../src/engine/git-pack-stream.ts'
import { aBlob, collected, oidOf, packOf } from '../../support/object-samples.ts'
import { nobodys } from '../../support/hostile-objects.ts'

it('[T2] sends an object whole when the store has lost what it was to be a delta of', async () => {
  const note = aBlob('A note that is long enough for a delta to be tried.\n'.repeat(3))
  const oid = oidOf(nodeCodec, note)
  const store = new MemoryObjectStore(nodeCodec)
  await store.writePack(packOf(nodeCodec, [note]))
  const pack = await collected(packBytes(nodeCodec, store, [{ oid, base: nobodys(1) }], { ofsDelta: true }))
  expect(await new MemoryObjectStore(nodeCodec).writePack(pack)).toEqual([oid])
})
