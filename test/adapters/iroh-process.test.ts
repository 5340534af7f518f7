import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { encodePeerAddress } from '../../src/peers/peer-address.ts'
import { drain, failureOf, readExactly } from '../contracts/transport.contract.ts'
import { IrohEndpoints } from '../support/iroh-endpoints.ts'
import { buildProgram } from '../support/program.ts'

const endpoints = new IrohEndpoints()
const children: ChildProcess[] = []
let folder = ''
let program = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-iroh-'))
  program = await buildProgram('test/support/iroh-child.ts', folder)
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await endpoints.dispose()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Another process that dials us; its connection, and the stream it opened. */
async function aPeer(task: string) {
  const transport = await endpoints.open()
  const child = spawn(process.execPath, [program, encodePeerAddress(transport.address()), task], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const exited = once(child, 'exit')
  const connection = (await transport.accept())!
  const stream = (await connection.acceptStream())!
  await readExactly(stream, 100_000)
  await stream.write(Uint8Array.of(1))
  return { child, exited, connection, stream }
}

describe('a peer in another process', () => {
  it('[T2] that is killed in the middle of a stream is an error for its reader after some 35 s, never an end', async () => {
    const { child, exited, connection, stream } = await aPeer('write')
    await readExactly(stream, 1000)
    child.kill('SIGKILL')
    await exited
    const error = await failureOf(drain(stream))
    expect([error.code, error.data]).toEqual(['disconnected', { by: 'network' }])
    expect(await connection.closed).toEqual({ by: 'network', reason: 'timed out' })
    expect((await failureOf(stream.read())).code).toBe('disconnected')
  }, 60_000)

  it('[L6] that is killed is an error at once for whoever closes the connection himself', async () => {
    const { child, exited, connection, stream } = await aPeer('write')
    await readExactly(stream, 1000)
    child.kill('SIGKILL')
    await exited
    const reading = failureOf(drain(stream))
    connection.close(4002, 'silent')
    expect((await reading).code).toBe('disconnected')
    expect(await connection.closed).toEqual({ by: 'us', code: 4002, reason: 'silent' })
  })

  it('[L9] ends by itself once its endpoint is closed: nothing pending keeps it alive', async () => {
    const { exited, connection } = await aPeer('close')
    const [code] = (await exited) as [number | null]
    expect(code).toBe(0)
    expect((await connection.closed).by).toBe('peer')
  })
})
