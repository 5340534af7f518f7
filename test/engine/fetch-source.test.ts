import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { FetchSource } from '../../src/engine/fetch-source.ts'
import { IdleTimeout, TransferTracker } from '../../src/engine/recovery.ts'
import { Repository } from '../../src/engine/repository.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import type { ByteStream } from '../../src/ports/transport.ts'
import type { GitAnswers } from '../support/git-answers.ts'
import { Givers } from '../support/givers.ts'
import { aBlob, oidOf, packOf } from '../support/object-samples.ts'
import { anId, anOid } from '../support/sample-messages.ts'

const IDLE_MS = 30_000

/** One peer that answers by hand, at `bytesPerMs`, and the streams that were opened to it. */
async function aSource(answers: GitAnswers, bytesPerMs: number, blocked = false) {
  const empty = await Repository.open(new MemoryObjectStore(nodeCodec), new MemoryRefStore(), nodeCodec, anId(1))
  const givers = await Givers.of(empty, { bytes: 100_000, largeFrom: 400_000 }, bytesPerMs)
  const giver = await givers.giver(1, answers)
  const idle = new IdleTimeout(givers.clock, IDLE_MS)
  const streams: ByteStream[] = []
  let unblock!: () => void
  const unblocked = new Promise<void>((resolve) => (unblock = resolve))
  /** The stream that could not be opened at first. */
  const late = async (): Promise<ByteStream> => {
    unblock()
    await givers.clock.sleep(100)
    return streams[0]!
  }
  const source = new FetchSource(givers.taker, 'vault', 100_000, {
    openStream: async () => {
      if (blocked) await unblocked
      const stream = await giver.connection.openStream()
      streams.push(stream)
      return stream
    },
    signal: idle.signal,
    idle,
    tracker: new TransferTracker(givers.clock.now()),
  })
  return { givers, source, streams, late }
}

describe('[T5] sizes that are asked for over a slow line', () => {
  it('come, however many: no question takes as long as a silence', async () => {
    const { givers, source } = await aSource({ pack: () => null }, 10)
    const oids = Array.from({ length: 12_000 }, (_, i) => anOid(i + 1))
    const sizes = await givers.complete(source.sizes(oids))
    expect(sizes.size).toBe(oids.length)
  })
})

describe('[T5] a stream that does not open', () => {
  it.each([
    ['git’s', (source: FetchSource): Promise<unknown> => source.sizes([anOid(1)])],
    ['a large file’s', (source: FetchSource): Promise<unknown> => source.large(anOid(1), 500_000, () => undefined)],
  ])('is a silence as any other, and given up when it opens too late: %s', async (_whose, ask) => {
    const { givers, source, late } = await aSource({ pack: () => null }, 1_000, true)
    const asking = ask(source).finally(() => source.abort())
    await expect(givers.complete(asking, IDLE_MS + 1_000)).rejects.toMatchObject({ code: 'timeout' })
    const stream = await givers.complete(late())
    await expect(givers.complete(stream.read())).rejects.toMatchObject({ code: 'aborted' })
  })
})

describe('[T1] batches that are asked for ahead', () => {
  it('may be more than one conversation takes: the next ones go on another stream, the earlier ones still come', async () => {
    const blobs = Array.from({ length: 4_200 }, (_, i) => aBlob(`note ${i}`))
    const byOid = new Map<Oid, GitObject>(blobs.map((blob) => [oidOf(nodeCodec, blob), blob]))
    const pack: GitAnswers['pack'] = ({ wants }) =>
      packOf(
        nodeCodec,
        wants.map((oid) => byOid.get(oid)!),
      )
    const { givers, source, streams } = await aSource({ pack }, 1_000_000)
    const work = async (): Promise<void> => {
      const oids = [...byOid.keys()]
      await source.ask([oids[0]!])
      for (const [i, oid] of oids.entries()) {
        const next = oids[i + 1]
        if (next) await source.ask([next])
        await source.store(await source.batch([oid]), [oid])
      }
    }
    await givers.complete(work())
    expect(await givers.taker.objects.missing(byOid.keys())).toEqual([])
    expect(streams.length).toBe(2)
    // Nothing more comes on the first one: its place is free again.
    expect(await givers.complete(streams[0]!.read())).toBeNull()
    await givers.complete(source.close())
  })
})
