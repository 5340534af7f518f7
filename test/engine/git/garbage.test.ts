import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { fetchFromGit } from '../../../src/engine/git-client.ts'
import { refUpdater } from '../../support/ref-updater.ts'
import { serveGitStream } from '../../../src/engine/git-server.ts'
import type { GitEndpoint } from '../../../src/engine/git-server.ts'
import { Repository } from '../../../src/engine/repository.ts'
import { concatBytes, encodeUtf8 } from '../../../src/objects/bytes.ts'
import { FLUSH_PKT, DELIM_PKT } from '../../../src/objects/pkt-line.ts'
import { textLine } from '../../../src/protocol/git/git-session.ts'
import { encodeCommands } from '../../../src/protocol/git/receive-commands.ts'
import { encodeServiceRequest } from '../../../src/protocol/git/service-request.ts'
import { vault } from '../../support/hostile-objects.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { streamPair } from '../../support/stream-pair.ts'
import { AGENT, SELF } from './git-fixture.ts'

const { commit, pack } = vault({ 'a.md': 'a', 'b.md': 'b' })

async function anEndpoint(): Promise<{ endpoint: GitEndpoint; refs: MemoryRefStore }> {
  const objects = new MemoryObjectStore(nodeCodec)
  const refs = new MemoryRefStore()
  await objects.writePack(pack)
  await refs.compareAndSwap('refs/heads/main', null, commit)
  const repository = await Repository.open(objects, refs, nodeCodec, SELF)
  const visible = async () => ({ refs: await refs.list(), head: 'refs/heads/main' as const })
  const common = { repository, visible, agent: AGENT }
  return {
    refs,
    endpoint: { upload: common, receive: { ...common, mayUpdate: () => new Map(), update: refUpdater(refs) } },
  }
}

/** Sends bytes, ends, and gives all that comes back as text. */
async function converse(endpoint: GitEndpoint, bytes: Uint8Array): Promise<{ text: string; outcome: unknown }> {
  const [ours, theirs] = streamPair()
  const serving = serveGitStream(theirs, () => endpoint)
  await ours.write(bytes)
  await ours.finish()
  const parts: Uint8Array[] = []
  for (let chunk = await ours.read(); chunk; chunk = await ours.read()) parts.push(chunk)
  return { text: new TextDecoder('latin1').decode(concatBytes(parts)), outcome: await serving }
}

const FETCH = concatBytes([
  encodeServiceRequest({ service: 'git-upload-pack', path: '/vault', version: 2 }),
  ...['command=ls-refs', 'object-format=sha1'].map(textLine),
  DELIM_PKT,
  ...['peel', 'symrefs', 'ref-prefix refs/heads/'].map(textLine),
  FLUSH_PKT,
  textLine('command=fetch'),
  DELIM_PKT,
  ...['thin-pack', 'ofs-delta', `want ${commit}`, `have ${commit}`, 'filter blob:none'].map(textLine),
  FLUSH_PKT,
])
const next = vault({ 'a.md': 'more' }, [commit])
const PUSH = concatBytes([
  encodeServiceRequest({ service: 'git-receive-pack', path: '/vault', version: 0 }),
  ...encodeCommands([{ name: 'refs/heads/main', from: commit, to: next.commit }], 'report-status'),
  FLUSH_PKT,
  next.pack,
])

describe('garbage on the wire', () => {
  it('is answered in git’s words where it is no pkt-line', async () => {
    const { endpoint } = await anEndpoint()
    const { text, outcome } = await converse(endpoint, encodeUtf8('GET / HTTP/1.1\r\n\r\n'))
    expect(text).toContain('ERR')
    expect(outcome).toMatchObject({ result: 'refused', code: 'bad-pkt-line' })
    const cut = await converse(endpoint, FETCH.subarray(0, FETCH.length - 20))
    expect(cut.text).toContain('ERR protocol error')
    expect((await converse(endpoint, new Uint8Array(0))).outcome).toEqual({ result: 'done' })
  })

  for (const [what, whole] of [
    ['a fetch', FETCH],
    ['a push', PUSH],
  ] as const) {
    it(`[T8] never breaks the server: ${what} with bytes changed, cut out, doubled`, { timeout: 120_000 }, async () => {
      let refused = 0
      for (let seed = 0; seed < 150; seed++) {
        const { endpoint, refs } = await anEndpoint()
        const random = seededRandom(seed)
        const place = () => Math.floor(random.fraction() * whole.length)
        let bytes: Uint8Array = whole.slice()
        for (let change = 0; change <= seed % 3; change++) {
          const [from, to] = [place(), place()].sort((a, b) => a - b) as [number, number]
          if (seed % 4 === 0) bytes = concatBytes([bytes.subarray(0, from), bytes.subarray(to)])
          else if (seed % 4 === 1) bytes = concatBytes([bytes.subarray(0, to), bytes.subarray(from)])
          else bytes = bytes.map((byte, i) => (i === from ? byte ^ (1 << (seed % 8)) : byte))
        }
        const { outcome } = await converse(endpoint, bytes)
        if ((outcome as { result: string }).result === 'refused') refused++
        const main = (await refs.list()).get('refs/heads/main')
        if (main !== commit && main !== next.commit) throw new Error(`seed ${seed}: main is ${String(main)}`)
      }
      expect(refused).toBeGreaterThan(20)
    })
  }

  it('[T8] never breaks our client', { timeout: 120_000 }, async () => {
    const { endpoint } = await anEndpoint()
    const { text } = await converse(endpoint, FETCH)
    const answer = Uint8Array.from(text, (char) => char.charCodeAt(0))
    let failed = 0
    for (let seed = 0; seed < 150; seed++) {
      const random = seededRandom(1000 + seed)
      const at = Math.floor(random.fraction() * answer.length)
      const bytes = answer.slice()
      bytes[at] = bytes[at]! ^ (1 << (seed % 8))
      const [ours, theirs] = streamPair()
      const server = (async () => {
        await theirs.write(seed % 5 === 0 ? bytes.subarray(0, at) : bytes)
        await theirs.finish()
        while ((await theirs.read()) !== null);
      })()
      server.catch(() => undefined)
      const objects = new MemoryObjectStore(nodeCodec)
      await fetchFromGit(ours, { agent: AGENT, objects, path: '/vault', wants: () => [commit], haves: haves() }).catch(
        (error: Error) => {
          failed++
          expect(['ProtocolError', 'CorruptObjectError', 'TransportError']).toContain(error.name)
        },
      )
    }
    expect(failed).toBeGreaterThan(50)
  })
})

function haves() {
  let asked = false
  return {
    next: () => {
      if (asked) return []
      asked = true
      return [commit]
    },
  }
}
