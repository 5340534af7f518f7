import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { Namespaces, type Namespace } from '../support/netns.ts'
import { buildProgram } from '../support/program.ts'
import { TandemDevice } from '../support/tandem-device.ts'

/** Addresses for documentation (RFC 5737): to our eyes the open internet. */
const ANNA = '198.51.100'
const BEN = '203.0.113'
const RELAY = '192.0.2.1'
const PORT = 3340
const RELAY_URL = `http://${RELAY}:${PORT}`
const TEST_MS = 240_000

let folder = ''
let relayProgram = ''
let namespaces: Namespaces
let internet: Namespace
let anna: TandemDevice
let ben: TandemDevice
let relay: ChildProcess

/** Two homes, each attached to an internet that for now carries nothing from one to the other. */
beforeAll(async () => {
  namespaces = await Namespaces.open()
  folder = await mkdtemp(join(tmpdir(), 'tandem-relay-'))
  const program = await buildProgram('src/cli.ts', folder)
  relayProgram = await buildProgram('test/support/relay-child.ts', folder)
  internet = await namespaces.add('internet')
  await internet.forward(false)
  await internet.ip('addr', 'add', `${RELAY}/32`, 'dev', 'lo')
  const home = async (label: string, prefix: string): Promise<TandemDevice> => {
    const namespace = await namespaces.add(label)
    await namespaces.connect(namespace, 'eth0', internet, label)
    await internet.ip('addr', 'add', `${prefix}.1/24`, 'dev', label)
    await namespace.ip('addr', 'add', `${prefix}.2/24`, 'dev', 'eth0')
    await namespace.ip('route', 'add', 'default', 'via', `${prefix}.1`)
    return new TandemDevice(label, { folder, program, namespace })
  }
  anna = await home('anna', ANNA)
  ben = await home('ben', BEN)
  relay = await startRelay()
  await Promise.all([anna.init(), ben.init()])
}, TEST_MS)

afterEach(async () => {
  await internet.forward(false)
  await Promise.all([anna.down(), ben.down()])
}, TEST_MS)

afterAll(async () => {
  await namespaces?.dispose()
  if (folder) await rm(folder, { recursive: true, force: true })
}, TEST_MS)

async function startRelay(): Promise<ChildProcess> {
  const child = internet.spawn(process.execPath, [relayProgram, '0.0.0.0', String(PORT)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  return child
}

async function stopRelay(): Promise<void> {
  relay.kill('SIGKILL')
  await once(relay, 'exit')
}

async function upTogether(): Promise<void> {
  await anna.up('--relay', RELAY_URL, '--no-lan')
  await ben.up('--relay', RELAY_URL, '--no-lan')
  await Promise.all([anna.awaitInStep(ben), ben.awaitInStep(anna)])
}

describe('an own relay', () => {
  it(
    'pairs two devices that cannot reach each other, and carries their edits',
    async () => {
      await anna.pairWith(ben, '--relay', RELAY_URL)
      await anna.write('note.md', 'Over the relay.\n')
      await upTogether()
      await ben.awaitFile('note.md', 'Over the relay.\n')
      expect((await anna.peer(ben))?.path).toMatchObject({
        kind: 'relay',
        address: expect.stringContaining(RELAY) as string,
      })
    },
    TEST_MS,
  )

  it(
    'may go away and come back: the devices meet again by themselves',
    async () => {
      await upTogether()
      await stopRelay()
      await ben.write('meanwhile.md', 'While it was gone.\n')
      relay = await startRelay()
      await anna.awaitFile('meanwhile.md', 'While it was gone.\n')
      await Promise.all([anna.awaitInStep(ben), ben.awaitInStep(anna)])
    },
    TEST_MS,
  )

  it(
    'is left for a direct path once there is one, and status says so',
    async () => {
      await upTogether()
      expect((await anna.peer(ben))?.path?.kind).toBe('relay')
      await internet.forward(true)
      // Iroh tries for a direct path once a minute.
      await eventually('the path is direct', async () => (await anna.peer(ben))?.path?.kind === 'direct' || undefined, {
        withinMs: 180_000,
        everyMs: 1000,
      })
      await stopRelay()
      await anna.write('direct.md', 'Nobody in between.\n')
      await ben.awaitFile('direct.md', 'Nobody in between.\n')
      relay = await startRelay()
    },
    TEST_MS,
  )
})
