import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { announcement, QUERY } from '../../src/adapters/lan/lan-packet.ts'
import { LineSplitter } from '../../src/cli/line-splitter.ts'
import type { LanFound } from '../../src/ports/discovery.ts'
import { eventually } from '../support/eventually.ts'
import { MdnsRecorder } from '../support/mdns-recorder.ts'
import { Namespaces, type Namespace } from '../support/netns.ts'
import { buildProgram } from '../support/program.ts'

const dns = createRequire(createRequire(import.meta.url).resolve('multicast-dns'))('dns-packet') as {
  encode(packet: object): Buffer
}
const TEST_MS = 60_000

let folder = ''
let child = ''
let listener = ''
let flood = ''
let namespaces: Namespaces
let left: Namespace
let right: Namespace

beforeAll(async () => {
  namespaces = await Namespaces.open()
  folder = await mkdtemp(join(tmpdir(), 'tandem-discovery-'))
  child = await buildProgram('test/support/lan-child.ts', folder)
  listener = await buildProgram('test/support/mdns-listener.ts', folder)
  flood = await buildProgram('test/support/mdns-flood.ts', folder)
}, TEST_MS)
beforeEach(async () => {
  left = await namespaces.add('left')
  right = await namespaces.add('right')
  await namespaces.connect(left, 'eth0', right, 'eth0')
  await left.ip('addr', 'add', '10.83.0.1/24', 'dev', 'eth0')
  await right.ip('addr', 'add', '10.83.0.2/24', 'dev', 'eth0')
})
afterEach(() => namespaces.dispose())
afterAll(() => rm(folder, { recursive: true, force: true }))

interface Said {
  readonly ready?: true
  readonly changed?: true
  readonly found?: LanFound
  readonly warning?: string
}

class Neighbour {
  readonly said: Said[] = []
  readonly #process: ChildProcess

  constructor(namespace: Namespace, token: string, ...direct: string[]) {
    this.#process = namespace.spawn(process.execPath, [child, token, ...direct], { stdio: ['pipe', 'pipe', 'inherit'] })
    const splitter = new LineSplitter()
    this.#process.stdout!.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) this.said.push(JSON.parse(line) as Said)
    })
  }

  ready(): Promise<unknown> {
    return eventually('it listens', () => this.said.find(({ ready }) => ready))
  }

  finds(token: string, ...direct: string[]): Promise<unknown> {
    const wanted = JSON.stringify({ token, direct })
    return eventually(`it finds ${wanted}`, () => this.said.find(({ found }) => JSON.stringify(found) === wanted))
  }

  /** Tells it to close; how it ended, by itself. */
  async close(): Promise<number | null> {
    const exited = once(this.#process, 'exit')
    this.#process.stdin!.end()
    const [code] = (await exited) as [number | null]
    return code
  }
}

describe('discovery on the local network', () => {
  it(
    'works both ways, whoever comes first, and only with the addresses of that network',
    async () => {
      const first = new Neighbour(left, 'first', '10.83.0.1:1111', '84.1.2.3:1111', '127.0.0.1:1111')
      await first.ready()
      const second = new Neighbour(right, 'second', '10.83.0.2:2222')
      await Promise.all([first.finds('second', '10.83.0.2:2222'), second.finds('first', '10.83.0.1:1111')])
    },
    TEST_MS,
  )

  it(
    '[L9] leaves no socket and no timer behind: the process ends by itself',
    async () => {
      const alone = new Neighbour(left, 'alone', '10.83.0.1:1111')
      await alone.ready()
      expect(await alone.close()).toBe(0)
    },
    TEST_MS,
  )

  it(
    'goes along when the network changes, also one that was not there at the start',
    async () => {
      await left.ip('addr', 'flush', 'dev', 'eth0')
      const first = new Neighbour(left, 'first', '10.83.0.1:1111', '10.84.0.1:1111')
      await first.ready()
      const second = new Neighbour(right, 'second', '10.83.0.2:2222', '10.84.0.2:2222')
      await second.ready()
      await left.ip('addr', 'add', '10.83.0.1/24', 'dev', 'eth0')
      await Promise.all([first.finds('second', '10.83.0.2:2222'), second.finds('first', '10.83.0.1:1111')])
      for (const [place, n] of [
        [left, 1],
        [right, 2],
      ] as const) {
        await place.ip('addr', 'flush', 'dev', 'eth0')
        await place.ip('addr', 'add', `10.84.0.${n}/24`, 'dev', 'eth0')
      }
      await Promise.all([first.finds('second', '10.84.0.2:2222'), second.finds('first', '10.84.0.1:1111')])
      expect(first.said.filter(({ changed }) => changed).length).toBeGreaterThanOrEqual(2)
      expect([await first.close(), await second.close()]).toEqual([0, 0])
    },
    TEST_MS,
  )

  it(
    'says and hears nothing when we cannot be reached there',
    async () => {
      const recorder = await MdnsRecorder.start(right, listener, '10.83.0.2')
      const hidden = new Neighbour(left, 'hidden', '127.0.0.1:1111')
      await hidden.ready()
      const open = new Neighbour(right, 'open', '10.83.0.2:2222')
      await eventually(
        'the other one announced itself twice',
        () => recorder.from('10.83.0.2').length >= 3 || undefined,
      )
      expect([recorder.from('10.83.0.1'), hidden.said]).toEqual([[], [{ ready: true }]])
      expect([await hidden.close(), await open.close()]).toEqual([0, 0])
    },
    TEST_MS,
  )

  it(
    'is not brought down by a device that sends garbage and false announcements by the hundred',
    async () => {
      const third = await namespaces.add('third')
      await namespaces.connect(third, 'eth0', left, 'eth1')
      await left.ip('addr', 'add', '10.85.0.1/24', 'dev', 'eth1')
      await third.ip('addr', 'add', '10.85.0.3/24', 'dev', 'eth0')
      const datagrams = [
        dns.encode({ type: 'query', ...QUERY }),
        dns.encode({ type: 'response', ...announcement('second', ['8.8.8.8:53', '10.85.0.3:9'], true) }),
        dns.encode({ type: 'response', ...announcement('x'.repeat(60), ['127.0.0.1:1'], true) }),
      ]
      const hostile = third.spawn(process.execPath, [flood, '10.85.0.3', ...datagrams.map((d) => d.toString('hex'))], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      await once(hostile.stdout!, 'data')
      const first = new Neighbour(left, 'first', '10.83.0.1:1111', '10.85.0.1:1111')
      await first.ready()
      const recorder = await MdnsRecorder.start(third, listener, '10.85.0.3')
      await first.finds('second', '10.85.0.3:9') // it may claim to be anybody, but only to be where it is
      const second = new Neighbour(right, 'second', '10.83.0.2:2222')
      await Promise.all([first.finds('second', '10.83.0.2:2222'), second.finds('first', '10.83.0.1:1111')])
      const places = first.said.flatMap(({ found }) => found?.direct ?? [])
      expect(places.filter((place) => !/^10\.8[35]\.0\./.test(place))).toEqual([])
      // Thousands of questions, an answer a second.
      const [asked, answered] = [recorder.from('10.85.0.3'), recorder.from('10.85.0.1')]
      expect(asked.length).toBeGreaterThan(100)
      expect(answered.length).toBeLessThan(asked.length / 10)
      expect([await first.close(), await second.close()]).toEqual([0, 0])
    },
    TEST_MS,
  )
})
