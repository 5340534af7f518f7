import { describe, expect, it } from 'vitest'
import type { Oid } from '../../../src/objects/oid.ts'
import type { PktLine } from '../../../src/objects/pkt-line.ts'
import type { GitRef } from '../../../src/protocol/git/git-refs.ts'
import { uploadPack } from '../../../src/protocol/git/upload-pack.ts'
import type { UploadPackLimits, UploadPackRequest } from '../../../src/protocol/git/upload-pack.ts'
import { runSession } from './run-session.ts'

const oid = (n: number): Oid => n.toString(16).padStart(40, '0') as Oid
const MAIN = oid(1)
const REFS: GitRef[] = [
  { name: 'HEAD', oid: MAIN, target: 'refs/heads/main' },
  { name: 'refs/devices/aa', oid: oid(2) },
  { name: 'refs/heads/main', oid: MAIN },
  { name: 'refs/tags/v1', oid: oid(3), peeled: oid(2) },
]
const ADVERTISEMENT = [
  'version 2',
  'agent=tandem/1',
  'ls-refs=unborn',
  'fetch=wait-for-done filter',
  'object-format=sha1',
  'object-info',
  '0000',
]

interface Answers {
  readonly refs?: readonly GitRef[]
  /** Commits that the server has. */
  readonly here?: ReadonlySet<Oid>
  readonly ready?: boolean
  readonly seen?: (request: UploadPackRequest) => void
}

function serve(input: Iterable<string | PktLine>, answers: Answers = {}, limits: Partial<UploadPackLimits> = {}) {
  const { here = new Set([MAIN, oid(2), oid(3)]), ready = true } = answers
  const { result, written } = runSession(uploadPack({ agent: 'tandem/1', version: 2, limits }), input, (request) => {
    answers.seen?.(request)
    switch (request.kind) {
      case 'refs':
        return answers.refs ?? REFS
      case 'common':
        return request.oids.filter((asked) => here.has(asked))
      case 'not-ours':
        return request.oids.find((asked) => !here.has(asked)) ?? null
      case 'ready':
        return ready
      case 'sizes':
      case 'pack':
        return undefined
    }
  })
  const shared = written.slice(0, ADVERTISEMENT.length)
  return { result, advertisement: shared, answer: written.slice(ADVERTISEMENT.length) }
}

const fetchOf = (...lines: string[]) => ['command=fetch', 'agent=git/2', 'object-format=sha1', '0001', ...lines, '0000']

describe('[T1] upload-pack, version 2', () => {
  it('advertises what it can, and ends when the client does', () => {
    for (const input of [[], ['0000']]) {
      expect(serve(input)).toEqual({ result: { result: 'done' }, advertisement: ADVERTISEMENT, answer: [] })
    }
  })

  it('lists refs as they are asked for', () => {
    const list = (...wishes: string[]) => serve(['command=ls-refs', 'agent=git/2', '0001', ...wishes, '0000']).answer
    expect(list()).toEqual([
      `${MAIN} HEAD`,
      `${oid(2)} refs/devices/aa`,
      `${MAIN} refs/heads/main`,
      `${oid(3)} refs/tags/v1`,
      '0000',
    ])
    expect(list('peel', 'symrefs', 'ref-prefix HEAD', 'ref-prefix refs/tags/')).toEqual([
      `${MAIN} HEAD symref-target:refs/heads/main`,
      `${oid(3)} refs/tags/v1 peeled:${oid(2)}`,
      '0000',
    ])
    expect(serve(['command=ls-refs', '0000']).answer.length).toBe(5)
  })

  it('says that HEAD is unborn to whoever asks for that', () => {
    const refs: GitRef[] = [{ name: 'HEAD', oid: null, target: 'refs/heads/main' }]
    const list = (wish: string) => serve(['command=ls-refs', '0001', wish, 'symrefs', '0000'], { refs }).answer
    expect(list('unborn')).toEqual(['unborn HEAD symref-target:refs/heads/main', '0000'])
    expect(list('peel')).toEqual(['0000'])
  })

  it('sends a pack at once to a client without haves, and to one that is done', () => {
    expect(serve(fetchOf(`want ${MAIN}`)).answer).toEqual(['packfile', '0000'])
    expect(serve(fetchOf(`want ${MAIN}`, `have ${oid(9)}`, 'done')).answer).toEqual(['packfile', '0000'])
  })

  it('acknowledges what both have, and sends the pack as soon as that is enough', () => {
    const input = fetchOf(`want ${MAIN}`, `have ${oid(9)}`, `have ${oid(2)}`)
    expect(serve(input).answer).toEqual(['acknowledgments', `ACK ${oid(2)}`, 'ready', '0001', 'packfile', '0000'])
    expect(serve(input, { ready: false }).answer).toEqual(['acknowledgments', `ACK ${oid(2)}`, '0000'])
    expect(serve(fetchOf(`want ${MAIN}`, `have ${oid(9)}`)).answer).toEqual(['acknowledgments', 'NAK', '0000'])
    expect(serve([...fetchOf(`want ${MAIN}`, `have ${oid(2)}`, 'wait-for-done')]).answer).toEqual([
      'acknowledgments',
      `ACK ${oid(2)}`,
      '0000',
    ])
  })

  it('passes on what kind of pack the client takes', () => {
    const seen: UploadPackRequest[] = []
    const switches = ['thin-pack', 'no-progress', 'include-tag', 'ofs-delta', 'filter blob:limit=2k', 'done']
    serve(fetchOf(`want ${MAIN}`, `have ${oid(2)}`, ...switches), { seen: (request) => seen.push(request) })
    expect(seen.at(-1)).toMatchObject({
      kind: 'pack',
      fetch: {
        wants: [MAIN],
        common: new Set([oid(2)]),
        thinPack: true,
        noProgress: true,
        includeTag: true,
        ofsDelta: true,
        filter: { kind: 'blob-limit', size: 2048 },
      },
    })
  })

  it('refuses a want that is hidden, before it looks at haves or sends a byte', () => {
    const { result, answer } = serve(fetchOf(`want ${MAIN}`, `want ${oid(77)}`, `have ${oid(2)}`, 'done'))
    expect(answer).toEqual([`ERR upload-pack: not our ref ${oid(77)}`])
    expect(result).toMatchObject({ result: 'refused', code: 'refused' })
  })

  it(
    '[T8] takes a million haves in rounds: few are looked up at a time, and none but common ones are kept',
    { timeout: 180_000 },
    () => {
      const rounds = 60
      const perRound = 16_384
      function* input(): Generator<string> {
        for (let round = 0; round < rounds; round++) {
          yield* ['command=fetch', '0001', `want ${MAIN}`]
          for (let i = 0; i < perRound; i++) yield `have ${oid(1000 + round * perRound + i)}`
          yield '0000'
        }
        yield* fetchOf(`want ${MAIN}`, `have ${oid(2)}`)
      }
      let most = 0
      let asked = 0
      const { result, answer } = serve(input(), {
        seen: (request) => {
          if (request.kind !== 'common') return
          most = Math.max(most, request.oids.length)
          asked += request.oids.length
        },
      })
      expect(result).toEqual({ result: 'done' })
      expect(asked).toBe(rounds * perRound + 1)
      expect(most).toBe(1024)
      expect(answer.slice(-6)).toEqual(['acknowledgments', `ACK ${oid(2)}`, 'ready', '0001', 'packfile', '0000'])
    },
  )

  it('[T8] has a limit on wants, haves, requests, and lines of capabilities', () => {
    const wants = [1, 2, 3].map((n) => `want ${oid(n)}`)
    expect(serve(fetchOf(...wants), {}, { wants: 2 }).answer).toEqual(['ERR more than 2 wants in one request'])
    expect(serve(fetchOf(...wants), {}, { wants: 3 }).answer).toEqual(['packfile', '0000'])
    const haves = [...fetchOf(wants[0]!, `have ${oid(8)}`), ...fetchOf(wants[0]!, `have ${oid(8)}`, `have ${oid(9)}`)]
    expect(serve(haves, {}, { haves: 2 }).answer.at(-1)).toBe('ERR too many haves in one session')
    expect(serve(haves, {}, { haves: 3 }).result).toEqual({ result: 'done' })
    const requests = [...fetchOf(wants[0]!), ...fetchOf(wants[0]!)]
    expect(serve(requests, {}, { requests: 1 }).result).toMatchObject({ code: 'limit' })
    const agents = Array.from({ length: 101 }, () => 'agent=x')
    expect(serve(['command=fetch', ...agents, '0000']).result).toMatchObject({ code: 'limit' })
  })

  it('[T8] lists all refs to a client that names too many prefixes to be held', () => {
    function* input(): Generator<string> {
      yield* ['command=ls-refs', '0001', 'ref-prefix refs/none/']
      for (let i = 0; i < 70_000; i++) yield `ref-prefix x${i}`
      yield '0000'
    }
    expect(serve(input()).answer.length).toBe(REFS.length + 1)
  })

  for (const [what, input, message] of [
    ['an unknown command', ['command=push', '0000'], "invalid command 'push'"],
    ['an unknown capability', ['command=fetch', 'sideband-all', '0000'], "unknown capability 'sideband-all'"],
    [
      'two commands',
      ['command=fetch', 'command=ls-refs'],
      "command 'ls-refs' requested after already requesting command 'fetch'",
    ],
    ['no command', ['agent=git/2', '0000'], 'no command requested'],
    ['another hash', ['object-format=sha256'], 'mismatched object format: server sha1; client sha256'],
    ['an end in the middle', ['command=fetch'], 'the remote end hung up unexpectedly'],
    ['an unknown wish for refs', ['command=ls-refs', '0001', 'symref'], "unexpected line: 'symref'"],
    ['refs that do not end', ['command=ls-refs', '0001', 'peel', '0001'], 'expected flush after ls-refs arguments'],
    ['an unknown argument', fetchOf('deepen 1'), "unexpected line: 'deepen 1'"],
    ['arguments that do not end', ['command=fetch', '0001', '0001'], 'expected flush after fetch arguments'],
    [
      'a want that is no oid',
      fetchOf('want HEAD'),
      "git upload-pack: protocol error, expected to get oid, not 'want HEAD'",
    ],
    ['a have that is no oid', fetchOf('have x'), "git upload-pack: expected SHA1 object, got 'x'"],
    ['a filter that nobody knows', fetchOf('filter blobs'), "invalid filter-spec 'blobs'"],
    ['a filter that we do not offer', fetchOf('filter sparse:oid=HEAD:x'), "filter 'sparse' not supported"],
    ['a deeper tree filter', fetchOf('filter tree:2'), "filter 'tree' not supported"],
    ['control characters', ['command=\u0007\u001b[31m'], "invalid command '??[31m'"],
  ] as const) {
    it(`answers ${what} in git’s words`, () => {
      const { answer, result } = serve(input)
      expect(answer).toEqual([`ERR ${message}`])
      expect(result).toMatchObject({ result: 'refused', message })
    })
  }
})
