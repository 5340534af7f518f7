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

describe('waiting for a relay', () => {
  it('of several, ends when the address names the one that was chosen', async () => {
    relay = await TestRelay.start()
    const other = await TestRelay.start()
    try {
      const transport = await endpoints.open({ relay: [relay.url, other.url] })
      expect(transport.address().relay).toBeUndefined()
      expect(await transport.awaitRelay(60_000)).toBe(true)
      expect([`${relay.url}/`, `${other.url}/`]).toContain(transport.address().relay)
    } finally {
      await other.close()
    }
  })

  it('ends without one when none answers in time, when the endpoint is closed, or when the signal says so', async () => {
    const nobody = ['http://127.0.0.1:9', 'http://127.0.0.1:10']
    const transport = await endpoints.open({ relay: nobody })
    expect(await transport.awaitRelay(300)).toBe(false)
    expect(await transport.awaitRelay(0)).toBe(false)
    const stop = new AbortController()
    const waiting = transport.awaitRelay(60_000, stop.signal)
    stop.abort(new Error('no longer wanted'))
    await expect(waiting).rejects.toThrow('no longer wanted')
    const other = await endpoints.open({ relay: nobody })
    const cut = other.awaitRelay(60_000)
    await other.close()
    expect(await cut).toBe(false)
  })

  it('does not wait where relays are off, or where there is just the one', async () => {
    expect(await (await endpoints.open()).awaitRelay(3_600_000)).toBe(false)
    const one = await endpoints.open({ relay: ['http://127.0.0.1:9'] })
    expect(await one.awaitRelay(3_600_000)).toBe(true)
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
