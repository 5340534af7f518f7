import { describe, expect, it } from 'vitest'
import { fetchFromGit } from '../../../src/engine/git-client.ts'
import type { GitFetchResult } from '../../../src/engine/git-client.ts'
import type { Link } from '../../../src/engine/link.ts'
import { GitBulkSession } from '../../../src/engine/git-bulk-session.ts'
import { IdleTimeout } from '../../../src/engine/recovery.ts'
import type { TransferProgress } from '../../../src/engine/transfer-progress.ts'
import { PktStream, runGitSession } from '../../../src/engine/pkt-stream.ts'
import { ShareTraffic } from '../../../src/engine/share-traffic.ts'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { systemClock } from '../../../src/adapters/node/system-clock.ts'
import { encodeUtf8 } from '../../../src/objects/bytes.ts'
import { hashObject } from '../../../src/objects/hash.ts'
import { DELIM_PKT, FLUSH_PKT } from '../../../src/objects/pkt-line.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import type { LogRecord } from '../../../src/ports/logger.ts'
import { decodeFetchReply, encodeFetchRequest } from '../../../src/protocol/fetch-messages.ts'
import { encodeFrame, FrameReader } from '../../../src/protocol/frames.ts'
import { NO_FILTER } from '../../../src/protocol/git/object-filter.ts'
import { readPushReport } from '../../../src/protocol/git/push-report.ts'
import type { PushReport } from '../../../src/protocol/git/push-report.ts'
import { encodeCommands } from '../../../src/protocol/git/receive-commands.ts'
import { textLine } from '../../../src/protocol/git/git-session.ts'
import { encodeServiceRequest } from '../../../src/protocol/git/service-request.ts'
import type { GitService } from '../../../src/protocol/git/service-request.ts'
import { aShare } from '../../support/devices.ts'
import { vault } from '../../support/hostile-objects.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { streamPair } from '../../support/stream-pair.ts'
import { AGENT } from './git-fixture.ts'

/** A share, and a peer on a link whose rights can be changed at any moment. */
async function aPeer(files: Readonly<Record<string, Uint8Array>> = {}) {
  const { device } = await aShare({ 'Note.md': 'one\n', ...files })
  const rights = { reveal: true, write: true }
  const log: LogRecord[] = []
  const sending: (TransferProgress | null)[] = []
  const link = {
    remoteId: 'f'.repeat(64),
    traffic: { bytesSent: 0, bytesReceived: 0 },
    isOpen: true,
  } as unknown as Link
  const none = () => undefined
  const traffic = new ShareTraffic(
    new Map([['vault', device.share]]),
    systemClock,
    { log: (level, event, message, data = {}) => void log.push({ at: 0, level, event, message, data }) },
    {
      rights: () => ({ reveal: (share) => rights.reveal && share === 'vault', write: () => rights.write }),
      mayChange: () => true,
      syncing: none,
      progress: none,
      sending: (_link, progress) => void sending.push(progress),
      fault: none,
    },
  )
  /** A stream that the peer opens, and what became of it. */
  const open = () => {
    const [ours, theirs] = streamPair()
    const served = traffic.serve(link, theirs)
    served.catch(() => undefined)
    return { stream: ours, served }
  }
  const fetch = async (path: string): Promise<GitFetchResult> => {
    const { stream, served } = open()
    const objects = new MemoryObjectStore(nodeCodec)
    const result = await fetchFromGit(stream, { agent: AGENT, path, objects, wants: () => [] }).finally(() => served)
    return result
  }
  /** Begins a push, up to where the pack would come. */
  const push = async (service: GitService = 'git-receive-pack') => {
    const { stream, served } = open()
    const lines = new PktStream(stream)
    await lines.write(encodeServiceRequest({ service, path: '/vault', version: 0 }))
    while ((await lines.read())?.kind === 'data');
    const from = device.refs.get('refs/heads/main')!
    const { commit, pack } = vault({ 'Note.md': 'pushed\n' }, [from])
    for (const part of encodeCommands([{ name: 'refs/heads/main', from, to: commit }], 'report-status'))
      await lines.write(part)
    await lines.write(FLUSH_PKT)
    await lines.flush()
    const report = () => runGitSession<never, PushReport>(readPushReport(), lines, () => Promise.resolve())
    return { stream, served, pack, commit, report }
  }
  return { device, rights, link, traffic, log, sending, open, fetch, push }
}

describe('[T1] the streams of a link', () => {
  it('are told apart by their first byte: git’s, and the request for a large file', async () => {
    const { device, fetch, open, link, log } = await aPeer()
    const { refs } = await fetch('/vault')
    expect(refs.find(({ name }) => name === 'refs/heads/main')?.oid).toBe(device.refs.get('refs/heads/main'))
    expect(log.map(({ event }) => event)).toContain('git.served')
    const { stream, served } = open()
    const [blob] = [...device.objects.objects].find(([, { type }]) => type === 'blob')!
    await stream.write(encodeFrame(encodeFetchRequest({ share: 'vault', oid: blob, offset: 1 })))
    const frames = new FrameReader(stream)
    expect(decodeFetchReply((await frames.frame())!)).toEqual({ kind: 'large', oid: blob, size: 4, offset: 1 })
    await stream.finish()
    while ((await stream.read()) !== null);
    await served
    expect(link.traffic.bytesSent).toBeGreaterThan(0)
  })

  it('tell as one transfer what a device asks the sizes of in several questions', async () => {
    const { device, open, sending } = await aPeer({ 'a.md': new Uint8Array(30), 'b.md': new Uint8Array(40).fill(1) })
    const { stream, served } = open()
    const idle = new IdleTimeout(systemClock, 30_000)
    const options = { agent: AGENT, signal: idle.signal, idle }
    const session = await GitBulkSession.open(() => Promise.resolve(stream), '/vault', options)
    const blobs = [...device.objects.objects].filter(([, { type }]) => type === 'blob').map(([oid]) => oid)
    expect(blobs.length).toBe(3)
    for (const oid of blobs) await session.sizes([oid])
    expect(sending.at(-1)).toEqual({ filesDone: 0, filesTotal: 3, bytesDone: 0, bytesTotal: 74 })
    session.ask({ wants: blobs, haves: [], filter: NO_FILTER, thinPack: false })
    for await (const bytes of session.pack()) expect(bytes.length).toBeGreaterThan(0)
    expect(sending.slice(-2)).toEqual([{ filesDone: 3, filesTotal: 3, bytesDone: 74, bytesTotal: 74 }, null])
    await session.sizes(blobs.slice(0, 1)) // what was sent is no part of the next one
    expect(sending.at(-1)).toMatchObject({ filesDone: 0, filesTotal: 1 })
    await session.close()
    await served
  })

  it('[S1] who may only read gets what the refs reach, and nothing else of the repository', async () => {
    const { device, rights, open } = await aPeer()
    const shown = [...device.objects.objects].find(([, { type }]) => type === 'blob')![0]
    const unreached = hashObject(nodeCodec, 'blob', encodeUtf8('typed, and not committed'))
    await device.share.repository.storeObjects([{ type: 'blob', content: encodeUtf8('typed, and not committed') }])
    const sizes = async (): Promise<Oid[]> => {
      const { stream, served } = open()
      const idle = new IdleTimeout(systemClock, 30_000)
      const options = { agent: AGENT, signal: idle.signal, idle }
      const session = await GitBulkSession.open(() => Promise.resolve(stream), '/vault', options)
      const found = await session.sizes([shown, unreached])
      await session.close()
      await served
      return [...found.keys()]
    }
    const large = async (oid: Oid): Promise<string> => {
      const { stream, served } = open()
      await stream.write(encodeFrame(encodeFetchRequest({ share: 'vault', oid, offset: 0 })))
      const reply = decodeFetchReply((await new FrameReader(stream).frame())!)
      await stream.finish()
      while ((await stream.read()) !== null);
      await served
      return reply.kind === 'refusal' ? reply.code : reply.kind
    }
    expect([await sizes(), await large(unreached)]).toEqual([[shown, unreached], 'large'])
    rights.write = false
    expect([await sizes(), await large(unreached), await large(shown)]).toEqual([[shown], 'no-object', 'large'])
  })

  it('[S5] a share that the peer may not see and one that does not exist are refused in the same words', async () => {
    const { fetch, rights } = await aPeer()
    const words = (path: string) =>
      fetch(path).then(
        () => '',
        (error: Error) => error.message.replace(path, 'PATH'),
      )
    const absent = await words('/other')
    expect(absent).toContain('access denied or repository not exported')
    rights.reveal = false
    expect(await words('/vault')).toBe(absent)
  })
})

describe('[S5] a share that is taken back while git runs', () => {
  it('ends a push at once, in the middle of its pack, and nothing of it stays', async () => {
    const { device, rights, link, traffic, push } = await aPeer()
    const [refs, notes] = [new Map(device.refs), device.vault()]
    const { stream, served, pack, commit, report } = await push()
    await stream.write(pack.subarray(0, 20))
    rights.reveal = false
    traffic.abandon(link, 'vault')
    await expect(report()).rejects.toThrow()
    await expect(served).rejects.toThrow()
    expect(new Map(device.refs)).toEqual(refs)
    expect(device.vault()).toEqual(notes)
    expect(await device.share.repository.objects.has(commit)).toBe(false)
  })

  it('ends a fetch at once, in the middle of its pack, and a new one finds nothing', async () => {
    const { device, rights, link, traffic, open, fetch } = await aPeer({
      'film.mp4': seededRandom(7).bytes(2 * 1024 * 1024),
    })
    const { stream, served } = open()
    const lines = new PktStream(stream)
    await lines.write(encodeServiceRequest({ service: 'git-upload-pack', path: '/vault', version: 2 }))
    while ((await lines.read())?.kind === 'data');
    for (const text of ['command=fetch']) await lines.write(textLine(text))
    await lines.write(DELIM_PKT)
    for (const text of [`want ${device.refs.get('refs/heads/main')!}`, 'done']) await lines.write(textLine(text))
    await lines.write(FLUSH_PKT)
    await lines.flush()
    let received = 0
    while (received < 200_000) {
      const line = await lines.read()
      if (line?.kind !== 'data') throw new Error('the pack ended early')
      received += line.data.length
    }
    rights.reveal = false
    traffic.abandon(link, 'vault')
    await expect(served).rejects.toThrow()
    const rest = async (): Promise<void> => {
      for (let line = await lines.read(); line; line = await lines.read())
        if (line.kind === 'data') received += line.data.length
    }
    await expect(rest()).rejects.toThrow()
    expect(received).toBeLessThan(1024 * 1024)
    await expect(fetch('/vault')).rejects.toThrow('access denied or repository not exported')
  })

  it('of another share nothing ends; and with its link everything', async () => {
    const { link, traffic, push } = await aPeer()
    const { stream, served, pack, report } = await push()
    traffic.abandon(link, 'another')
    await stream.write(pack)
    await stream.finish()
    expect(await report()).toEqual({ unpack: null, refs: new Map([['refs/heads/main', null]]) })
    await served
    const second = await push()
    traffic.abandon(link)
    await expect(second.report()).rejects.toThrow()
    await expect(second.served).rejects.toThrow()
  })

  it('[S1] a right to write that is gone when the pack is whole moves no ref', async () => {
    const { device, rights, push } = await aPeer()
    const before: Oid | undefined = device.refs.get('refs/heads/main')
    const { stream, served, pack, commit, report } = await push()
    await stream.write(pack.subarray(0, 20))
    rights.write = false
    await stream.write(pack.subarray(20))
    await stream.finish()
    const { refs } = await report()
    expect(refs.get('refs/heads/main')).toBe('this device may read the vault, not write it')
    await served
    expect(device.refs.get('refs/heads/main')).toBe(before)
    expect(await device.share.repository.objects.has(commit)).toBe(false)
  })

  it.each(['objects.writePack:done', 'objects.missing'])(
    '[S1] a right to write that is taken away after everything was checked, at %s, moves no ref',
    async (last) => {
      const { device, rights, push } = await aPeer()
      const [refs, notes] = [new Map(device.refs), device.vault()]
      const { stream, served, pack, report } = await push()
      let stored = false
      device.onOperation = (operation) => {
        stored ||= operation === 'objects.writePack:done'
        if (stored && operation === last) rights.write = false
      }
      await stream.write(pack)
      await stream.finish()
      const { refs: reasons } = await report()
      await served
      expect(rights.write).toBe(false)
      expect(reasons.get('refs/heads/main')).toBe('this device may read the vault, not write it')
      expect(new Map(device.refs)).toEqual(refs)
      expect(device.vault()).toEqual(notes)
    },
  )
})
