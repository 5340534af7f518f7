import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'
import { GitBulkSession } from '../../../src/engine/git-bulk-session.ts'
import { serveGitStream } from '../../../src/engine/git-server.ts'
import { IdleTimeout } from '../../../src/engine/recovery.ts'
import { Repository } from '../../../src/engine/repository.ts'
import { visibleRefs } from '../../../src/engine/vault-git.ts'
import { CorruptObjectError } from '../../../src/objects/errors.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import { aBlob, oidOf, packOf } from '../../support/object-samples.ts'
import { anId } from '../../support/sample-messages.ts'
import { streamPair } from '../../support/stream-pair.ts'

describe('[T1] sizes of objects of which one is damaged', () => {
  it('are told but for that one, which is known to be lost from then on', async () => {
    const blobs = [aBlob('one'), aBlob('number two'), aBlob('the third')]
    const [one, two, three] = blobs.map((blob) => oidOf(nodeCodec, blob)) as [Oid, Oid, Oid]
    const objects = new MemoryObjectStore(nodeCodec)
    await objects.writePack(packOf(nodeCodec, blobs))
    const info = objects.info.bind(objects)
    objects.info = async (oid) => {
      if (oid === two) throw new CorruptObjectError('bad-pack', 'an entry of an unknown kind')
      return info(oid)
    }
    const repository = await Repository.open(objects, new MemoryRefStore(), nodeCodec, anId(1))
    const faults: (Oid | undefined)[] = []
    const upload = {
      repository,
      visible: () => visibleRefs(repository),
      agent: 'tandem/test',
      anyObject: true,
      onFault: (_error: unknown, oid?: Oid) => void faults.push(oid),
    }
    const [ours, theirs] = streamPair()
    const served = serveGitStream(theirs, () => ({ upload }))
    const idle = new IdleTimeout(systemClock, 30_000)
    const options = { agent: 'tandem/test', signal: idle.signal, idle }
    const session = await GitBulkSession.open(() => Promise.resolve(ours), '/vault', options)
    expect(await session.sizes([one, two, three])).toEqual(
      new Map([
        [one, 3],
        [three, 9],
      ]),
    )
    expect(faults).toEqual([two])
    await session.close()
    expect(await served).toEqual({ result: 'done' })
  })
})
