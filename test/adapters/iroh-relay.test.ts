import { createHash } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../support/eventually.ts'
import { IrohEndpoints } from '../support/iroh-endpoints.ts'
import { TestRelay } from '../support/relay.ts'

const endpoints = new IrohEndpoints()
let relay: TestRelay | undefined

afterEach(async () => {
  await endpoints.dispose()
  await relay?.close()
})

describe('an endpoint with an own relay', () => {
  it('tells that relay from the first moment, in the form in which it tells it later', async () => {
    relay = await TestRelay.start()
    const transport = await endpoints.open({ relay: [relay.url] })
    const first = transport.address()
    expect(first.relay).toBe(`${relay.url}/`)
    await eventually('it is at its relay', () => relay!.clients.includes(transport.id) || undefined)
    expect(transport.address()).toEqual(first)
  })

  it('is reached by id and relay alone, and says which way', async () => {
    relay = await TestRelay.start()
    const [left, right] = await Promise.all([0, 1].map(() => endpoints.open({ relay: [relay!.url] })))
    const incoming = right!.accept()
    const connection = await left!.connect({ id: right!.id, direct: [], relay: relay.url })
    expect((await incoming)!.remoteId).toBe(left!.id)
    expect(relay.relayed).toBeGreaterThan(0)
    // Both are on this machine, so they soon talk directly; the relay stays as the other way.
    const paths = await eventually('a direct path', () => {
      const all = connection.paths()
      return all[0]?.kind === 'local' ? all : undefined
    })
    expect(paths.map(({ kind }) => kind)).toContain('relay')
  })
})

describe('the relay of the tests', () => {
  it('turns away a client that does not hold the key of its id', async () => {
    relay = await TestRelay.start()
    const client = new WebSocket(`${relay.url.replace('http', 'ws')}/relay`, ['iroh-relay-v2'])
    const frames: Buffer[] = []
    client.on('message', (data: Buffer) => {
      frames.push(data)
      if (data[0] !== 0) return
      const id = createHash('sha256').update('nobody').digest()
      client.send(Buffer.concat([Uint8Array.of(1), id, Uint8Array.of(64), new Uint8Array(64)]))
    })
    await new Promise((resolve) => client.once('close', resolve))
    expect(frames.map(([type]) => type)).toEqual([0, 3])
    expect(relay.clients).toEqual([])
  })
})
