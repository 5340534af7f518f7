import { describe, expect, it } from 'vitest'
import type { Oid } from '../../../src/objects/oid.ts'
import type { PktLine } from '../../../src/objects/pkt-line.ts'
import type { GitRef } from '../../../src/protocol/git/git-refs.ts'
import { encodePushReport } from '../../../src/protocol/git/push-report.ts'
import { NULL_OID } from '../../../src/protocol/git/receive-commands.ts'
import { receivePack } from '../../../src/protocol/git/receive-pack.ts'
import type { ReceivePackRequest } from '../../../src/protocol/git/receive-pack.ts'
import { lineOf, runSession, transcript } from './run-session.ts'

const oid = (n: number): Oid => n.toString(16).padStart(40, '0') as Oid
const REFS: GitRef[] = [
  { name: 'HEAD', oid: oid(1), target: 'refs/heads/main' },
  { name: 'refs/heads/main', oid: oid(1) },
  { name: 'refs/heads/side', oid: oid(2) },
]
const CAPABILITIES = 'report-status delete-refs side-band-64k quiet atomic ofs-delta object-format=sha1 agent=tandem/1'

interface Answers {
  readonly refs?: readonly GitRef[]
  readonly pack?: string | null
  readonly check?: Readonly<Record<string, string>>
  readonly update?: Readonly<Record<string, string>>
  readonly version?: number
}

function serve(input: readonly (string | PktLine)[], answers: Answers = {}) {
  const asked: ReceivePackRequest[] = []
  const session = receivePack({ agent: 'tandem/1', version: answers.version ?? 0 })
  const { result, written } = runSession(session, input, (request) => {
    asked.push(request)
    switch (request.kind) {
      case 'refs':
        return answers.refs ?? REFS
      case 'quarantine':
        return answers.pack ?? null
      case 'check':
        return new Map(request.updates.map(({ name }) => [name, answers.check?.[name] ?? null]))
      case 'update':
        return new Map(request.updates.map(({ name }) => [name, answers.update?.[name] ?? null]))
    }
  })
  return { result, written, asked: asked.slice(1) }
}

/** Commands with the capabilities behind the first. */
function commands(capabilities: string, ...lines: string[]): PktLine[] {
  return [...lines.map((line, i) => lineOf(i === 0 ? `${line}\0 ${capabilities}` : line)), lineOf('0000')]
}

const PLAIN = 'report-status'
const EDIT = `${oid(1)} ${oid(9)} refs/heads/main`
const DELETE = `${oid(2)} ${NULL_OID} refs/heads/side`
const CREATE = `${NULL_OID} ${oid(9)} refs/heads/new`

describe('[T4] receive-pack', () => {
  it('advertises its refs, or that there are none', () => {
    expect(serve(['0000']).written).toEqual([
      `${oid(1)} refs/heads/main\0${CAPABILITIES}`,
      `${oid(2)} refs/heads/side`,
      '0000',
    ])
    expect(serve(['0000'], { refs: [] }).written).toEqual([`${NULL_OID} capabilities^{}\0${CAPABILITIES}`, '0000'])
    expect(serve([], { version: 1 }).written[0]).toBe('version 1')
    expect(serve([]).result).toEqual({ result: 'done' })
  })

  it('takes the pack, checks, moves, reports, in that order', () => {
    const { asked, written, result } = serve(commands(PLAIN, EDIT, CREATE))
    expect(asked.map(({ kind }) => kind)).toEqual(['quarantine', 'check', 'update'])
    expect(written.slice(3)).toEqual(['unpack ok', 'ok refs/heads/main', 'ok refs/heads/new', '0000'])
    expect(result).toEqual({ result: 'done' })
  })

  it('waits for no pack when all that is asked for is a deletion', () => {
    const { asked } = serve(commands(PLAIN, DELETE))
    expect(asked).toMatchObject([{ kind: 'check' }, { kind: 'update', updates: [{ to: null }], atomic: false }])
  })

  it('wraps the report in a band when asked to, and says nothing when nobody asks', () => {
    const { written } = serve(commands(`${PLAIN} side-band-64k`, EDIT))
    const band = new TextEncoder().encode(written[3])
    expect(band[0]).toBe(1)
    expect(transcript(band.subarray(1))).toEqual(['unpack ok', 'ok refs/heads/main', '0000'])
    expect(written[4]).toBe('0000')
    expect(serve(commands('', EDIT)).written.length).toBe(3)
  })

  it('moves the refs that may be moved, and gives the reason for each other', () => {
    const { asked, written } = serve(commands(PLAIN, EDIT, CREATE, DELETE, `${NULL_OID} ${oid(9)} refs/heads/a..b`), {
      check: { 'refs/heads/main': 'fetch first' },
      update: { 'refs/heads/new': 'failed to update ref' },
    })
    expect(asked.at(-1)).toMatchObject({ updates: [{ name: 'refs/heads/new' }, { name: 'refs/heads/side' }] })
    expect(written.slice(3)).toEqual([
      'unpack ok',
      'ng refs/heads/main fetch first',
      'ng refs/heads/new failed to update ref',
      'ok refs/heads/side',
      'ng refs/heads/a..b funny refname',
      '0000',
    ])
  })

  it('moves none of an atomic push when one may not be moved', () => {
    const { asked, written } = serve(commands(`${PLAIN} atomic`, EDIT, CREATE), { check: { 'refs/heads/main': 'no' } })
    expect(asked.at(-1)?.kind).toBe('check')
    expect(written.slice(3)).toEqual([
      'unpack ok',
      'ng refs/heads/main no',
      'ng refs/heads/new atomic push failure',
      '0000',
    ])
  })

  it('[T2] checks and moves nothing when the pack is bad', () => {
    const { asked, written } = serve(commands(PLAIN, EDIT, CREATE), { pack: 'the pack is cut short' })
    expect(asked.map(({ kind }) => kind)).toEqual(['quarantine'])
    expect(written.slice(3)).toEqual([
      'unpack the pack is cut short',
      'ng refs/heads/main unpacker error',
      'ng refs/heads/new unpacker error',
      '0000',
    ])
  })

  it('reports a reason on one line, whatever is in it', () => {
    const report = encodePushReport({ unpack: 'a\nok refs/heads/main\0', refs: new Map([['refs/heads/x', 'b\r\nc']]) })
    expect(transcript(report)).toEqual(['unpack a ok refs/heads/main?', 'ng refs/heads/x b c', '0000'])
  })

  for (const [what, line, message] of [
    ['garbage', 'hello', "protocol error: expected old/new/ref, got 'hello'"],
    ['a short oid', `${oid(1).slice(1)} ${oid(2)} refs/heads/x`, 'protocol error: expected old/new/ref'],
    ['a command without a name', `${oid(1)} ${oid(2)} `, 'protocol error: expected old/new/ref'],
    ['a shallow push', `shallow ${oid(1)}`, 'shallow update not allowed'],
    ['a signed push', `push-cert\0${PLAIN}`, 'signed pushes are not taken here'],
    ['an end in the middle', null, 'protocol error'],
  ] as const) {
    it(`refuses ${what}`, () => {
      const { written, result } = serve(line === null ? [lineOf(`${EDIT}\0 ${PLAIN}`)] : [line, '0000'])
      expect(written.at(-1)).toContain(`ERR ${message}`)
      expect(result).toMatchObject({ result: 'refused' })
    })
  }

  it('[T8] refuses more refs than anybody pushes', () => {
    const many = Array.from({ length: 10_001 }, (_, i) => `${NULL_OID} ${oid(1)} refs/heads/${i}`)
    expect(serve(commands(PLAIN, ...many)).result).toMatchObject({ code: 'limit' })
  })
})
