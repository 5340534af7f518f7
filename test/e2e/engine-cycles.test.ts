import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Namespaces } from '../support/netns.ts'
import { buildProgram } from '../support/program.ts'
import { TandemDevice } from '../support/tandem-device.ts'

const ROUNDS = 20
/** From the last word to the end of a process that has nothing left to do, on a machine that is busy. */
const EXIT_MS = 15_000
const TEST_MS = 240_000

interface Round {
  readonly round: number
  readonly synced: boolean
  readonly resources: readonly string[]
  readonly files: number
  readonly open: readonly string[]
}

let folder = ''
let child = ''
let namespaces: Namespaces
let ada: TandemDevice
let bob: TandemDevice

/** Two devices on a network of their own, so that the search on the local network has something to do. */
beforeAll(async () => {
  namespaces = await Namespaces.open()
  const [here, there] = [await namespaces.add('here'), await namespaces.add('there')]
  await namespaces.connect(here, 'lan0', there, 'lan0')
  await here.ip('addr', 'add', '192.168.77.1/24', 'dev', 'lan0')
  await there.ip('addr', 'add', '192.168.77.2/24', 'dev', 'lan0')
  folder = await mkdtemp(join(tmpdir(), 'tandem-cycles-'))
  const program = await buildProgram('src/cli.ts', folder)
  child = await buildProgram('test/support/engine-child.ts', folder)
  ada = new TandemDevice('ada', { folder, program, namespace: here })
  bob = new TandemDevice('bob', { folder, program, namespace: there })
  await Promise.all([ada.init(), bob.init()])
  await ada.pairWith(bob, '--relay', 'off')
  await bob.up('--relay', 'off')
}, TEST_MS)

afterAll(async () => {
  await bob?.down()
  await namespaces?.dispose()
  if (folder) await rm(folder, { recursive: true, force: true })
}, TEST_MS)

it(
  `[L9] an engine that is opened and closed ${ROUNDS} times leaves nothing behind, and its process ends by itself`,
  async () => {
    const process_ = ada.spawn(process.execPath, ['--expose-gc', child, ada.vault, ada.state, String(ROUNDS)])
    let said = ''
    let words = ''
    process_.stdout!.setEncoding('utf8').on('data', (text: string) => (said += text))
    process_.stderr!.setEncoding('utf8').on('data', (text: string) => (words += text))
    const ended = once(process_, 'close')
    const rounds = (): Round[] =>
      said
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Round)
    let late: NodeJS.Timeout | undefined
    process_.stdout!.on('data', () => {
      if (rounds().length === ROUNDS) late ??= setTimeout(() => process_.kill('SIGKILL'), EXIT_MS)
    })
    const [code, signal] = (await ended) as [number | null, NodeJS.Signals | null]
    clearTimeout(late)
    expect({ code, signal, words }).toEqual({ code: 0, signal: null, words: '' })
    const all = rounds()
    expect(all).toHaveLength(ROUNDS)
    expect(all.filter(({ synced }) => synced)).toHaveLength(5)
    for (const round of all) expect(round.resources, `round ${round.round}`).toEqual(all[0]!.resources)
    // The first round opens what stays open for good: the add-ons, their threads, and what wakes them. The system's watcher
    // (@parcel/watcher 2.6) keeps one end of a pipe of every backend that it ends; nothing else may grow.
    const withoutPipes = ({ open }: Round) => open.filter((path) => path !== 'pipe').sort()
    expect(withoutPipes(all.at(-1)!)).toEqual(withoutPipes(all[0]!))
    expect(all.at(-1)!.files - all[0]!.files).toBeLessThan(ROUNDS)
  },
  TEST_MS,
)
