import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { LAN_TOKEN_MS, lanToken } from '../../src/peers/lan-token.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import { eventually } from '../support/eventually.ts'
import { MdnsRecorder } from '../support/mdns-recorder.ts'
import { Namespaces, type Namespace } from '../support/netns.ts'
import { buildProgram } from '../support/program.ts'
import { TandemDevice } from '../support/tandem-device.ts'

/** `10.81.0.0/24` when they pair; another network afterwards, so that no stored ticket is worth anything. */
const OLD = '10.81.0'
const NEW = '10.82.0'
const TEST_MS = 120_000

let folder = ''
let program = ''
let listener = ''
let namespaces: Namespaces

beforeAll(async () => {
  namespaces = await Namespaces.open()
  folder = await mkdtemp(join(tmpdir(), 'tandem-lan-'))
  program = await buildProgram('src/cli.ts', folder)
  listener = await buildProgram('test/support/mdns-listener.ts', folder)
}, TEST_MS)
afterAll(async () => {
  await namespaces?.dispose()
  if (folder) await rm(folder, { recursive: true, force: true })
}, TEST_MS)

/** Three machines on one switch. */
let places: Namespace[] = []
let anna: TandemDevice
let ben: TandemDevice
let run = 0

beforeEach(async () => {
  const network = await namespaces.add('switch')
  await network.ip('link', 'add', 'bridge', 'type', 'bridge')
  await network.ip('link', 'set', 'bridge', 'up')
  places = []
  for (const label of ['anna', 'ben', 'stranger']) {
    const place = await namespaces.add(label)
    await namespaces.connect(place, 'eth0', network, label)
    await network.ip('link', 'set', label, 'master', 'bridge')
    places.push(place)
  }
  await setAddresses(OLD)
  const own = join(folder, String(run++))
  anna = new TandemDevice('Anna', { folder: own, program, namespace: places[0]! })
  ben = new TandemDevice('Ben', { folder: own, program, namespace: places[1]! })
  await Promise.all([anna.init(), ben.init()])
  await anna.pairWith(ben, '--relay', 'off')
}, TEST_MS)

afterEach(async () => {
  await Promise.all([anna?.down(), ben?.down()])
  await namespaces.dispose()
}, TEST_MS)

async function setAddresses(prefix: string): Promise<void> {
  for (const [i, place] of places.entries()) {
    await place.ip('addr', 'flush', 'dev', 'eth0')
    await place.ip('addr', 'add', `${prefix}.${i + 1}/24`, 'dev', 'eth0')
  }
}

describe('the local network', () => {
  it(
    'lets two paired devices with new addresses meet, without a relay and without anybody in between',
    async () => {
      await setAddresses(NEW)
      await anna.write('note.md', 'From Anna.\n')
      await anna.up('--relay', 'off')
      await ben.up('--relay', 'off')
      const peer = await ben.awaitInStep(anna)
      await anna.awaitInStep(ben)
      await ben.awaitFile('note.md', 'From Anna.\n')
      expect(peer.path).toMatchObject({ kind: 'local' })
      expect(peer.path!.address).toContain(`${NEW}.1:`)
    },
    TEST_MS,
  )

  it(
    'brings them together again when the addresses change under them',
    async () => {
      await anna.up('--relay', 'off')
      await ben.up('--relay', 'off')
      await ben.awaitInStep(anna)
      await setAddresses(NEW)
      await ben.write('later.md', 'From Ben.\n')
      await anna.awaitFile('later.md', 'From Ben.\n')
      const peer = await anna.awaitInStep(ben)
      expect(peer.path!.address).toContain(`${NEW}.2:`)
    },
    TEST_MS,
  )

  it(
    'tells a stranger nothing that names a device, a vault or a person, and takes everything back at the end',
    async () => {
      const recorder = await MdnsRecorder.start(places[2]!, listener, `${OLD}.3`)
      await anna.up('--relay', 'off')
      await ben.up('--relay', 'off')
      await ben.awaitInStep(anna)
      await Promise.all([anna.down(), ben.down()])
      const isGoodbye = (bytes: Buffer) => bytes.includes(Buffer.from([0, 16, 0x80, 1, 0, 0, 0, 0])) // TXT, flush, IN, TTL 0
      for (const address of [`${OLD}.1`, `${OLD}.2`])
        await eventually(`${address} says goodbye`, () => recorder.from(address).some(isGoodbye) || undefined)

      const all = Buffer.concat(recorder.heard.map(({ bytes }) => bytes))
      const now = Date.now()
      for (const { id, name } of [anna, ben]) {
        // What they say, a paired device recognises; it is the name of one of the ten minutes around now.
        const tokens = [-1, 0, 1].map((n) => lanToken(id as EndpointId, now + n * LAN_TOKEN_MS))
        expect(tokens.some((token) => all.includes(token))).toBe(true)
        const raw = Buffer.from(id, 'hex')
        for (const secret of [id, id.slice(0, 16), raw, raw.subarray(0, 8), name, name.toLowerCase(), 'vault'])
          expect(all.includes(secret)).toBe(false)
      }
    },
    TEST_MS,
  )

  it(
    'is left alone with --no-lan',
    async () => {
      const recorder = await MdnsRecorder.start(places[2]!, listener, `${OLD}.3`)
      await setAddresses(NEW)
      await anna.up('--relay', 'off', '--no-lan')
      await ben.up('--relay', 'off')
      // Ben asks, and asks again a second later: by then Anna has had every occasion.
      const asked = () => recorder.from(`${NEW}.2`).filter((bytes) => (bytes[2]! & 0x80) === 0)
      await eventually('Ben asks repeatedly', () => asked().length >= 3 || undefined)
      expect(recorder.from(`${NEW}.1`)).toEqual([])
      expect((await ben.peer(anna))?.status).not.toBe('connected')
    },
    TEST_MS,
  )
})
