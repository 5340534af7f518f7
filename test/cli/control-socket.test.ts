import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callControl } from '../../src/cli/control-client.ts'
import { controlPath } from '../../src/cli/control-path.ts'
import { isControlled } from '../../src/cli/control-probe.ts'
import { serveControl } from '../../src/cli/control-server.ts'
import { openControlStream } from '../../src/cli/control-stream.ts'
import type { ControlHandler, ControlServer } from '../../src/cli/control-server.ts'
import { MAX_LINE } from '../../src/cli/line-splitter.ts'
import { StateError } from '../../src/ports/errors.ts'
import type { ByteStream } from '../../src/ports/transport.ts'

let folder = ''
const servers: ControlServer[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-control-'))
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  await rm(folder, { recursive: true, force: true })
})

async function serve(handler: ControlHandler, at = folder): Promise<ControlServer> {
  const server = await serveControl(at, handler)
  servers.push(server)
  return server
}

const until = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())))

describe('the control socket', () => {
  it('brings a request over, events back in order, and then the result', async () => {
    await serve(async (request, reply) => {
      for (let event = 1; event <= 100; event++) void reply({ event, of: request.method })
      return Promise.resolve({ echo: request.params })
    })
    const events: unknown[] = []
    const result = await callControl(folder, 'status', { deep: [1, 'ä花🌱\n'] }, (event) => events.push(event))
    expect(result).toEqual({ echo: { deep: [1, 'ä花🌱\n'] } })
    expect(events).toEqual(Array.from({ length: 100 }, (_, index) => ({ event: index + 1, of: 'status' })))
  })

  it('serves several clients at once', async () => {
    let waiting = 0
    let release = (): void => {}
    const all = new Promise<void>((resolve) => (release = resolve))
    await serve(async (request) => {
      if (++waiting === 5) release()
      await all
      return request.params
    })
    const calls = [1, 2, 3, 4, 5].map((number) => callControl(folder, 'wait', number))
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4, 5])
  })

  it('brings an error over with its name, code and data', async () => {
    await serve(() => Promise.reject(new StateError('damaged', 'the index is damaged', { path: 'index' })))
    await expect(callControl(folder, 'status', null)).rejects.toMatchObject({
      name: 'StateError',
      code: 'damaged',
      message: 'the index is damaged',
      data: { path: 'index' },
    })
  })

  it('tells that nobody serves the folder', async () => {
    expect(await isControlled(folder)).toBe(false)
    await expect(callControl(folder, 'status', null)).rejects.toMatchObject({ code: 'not-running' })
  })

  it('aborts the handler when the client gives up', async () => {
    let aborted = (): void => {}
    const seen = new Promise<void>((resolve) => (aborted = resolve))
    await serve(async (_, reply, signal) => {
      void reply('started')
      await until(signal)
      aborted()
    })
    const controller = new AbortController()
    const call = callControl(folder, 'up', null, () => controller.abort(), controller.signal)
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    await seen
  })

  it('aborts the handlers when the server closes, and removes the socket', async () => {
    const server = await serve((_, reply, signal) => {
      void reply('started')
      return until(signal)
    })
    let started = (): void => {}
    const running = new Promise<void>((resolve) => (started = resolve))
    const call = callControl(folder, 'up', null, () => started())
    const failed = expect(call).rejects.toMatchObject({ code: 'gone' })
    await running
    await server.close()
    await failed
    expect(await readdir(folder)).toEqual([])
  })

  it('refuses a second server while the first one lives', async () => {
    await serve(() => Promise.resolve('first'))
    await expect(serveControl(folder, () => Promise.resolve('second'))).rejects.toMatchObject({ code: 'in-use' })
    expect(await callControl(folder, 'who', null)).toBe('first')
  })

  it('replaces the socket that a killed process left behind', async () => {
    const path = controlPath(folder)
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('listening'))`
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    expect(await isControlled(folder)).toBe(true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await stat(path)).isSocket()).toBe(true)
    expect(await isControlled(folder)).toBe(false)
    await serve(() => Promise.resolve('alive'))
    expect(await callControl(folder, 'who', null)).toBe('alive')
  })

  it('is for this user alone', async () => {
    const { path } = await serve(() => Promise.resolve(null))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('moves to a private folder when the path is too long for a socket', async () => {
    const deep = join(folder, ...Array.from({ length: 12 }, () => 'a-long-folder-name'))
    await mkdir(deep, { recursive: true })
    const { path } = await serve(() => Promise.resolve('here'), deep)
    expect(path.startsWith(tmpdir())).toBe(true)
    expect(Buffer.byteLength(path)).toBeLessThanOrEqual(103)
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700)
    expect(await callControl(deep, 'who', null)).toBe('here')
    expect(controlPath(join(deep, 'other'))).not.toBe(path)
  })

  it('is a named pipe on Windows', () => {
    expect(controlPath('C:\\state', 'win32')).toMatch(/^\\\\\.\\pipe\\tandem-[0-9a-f]{32}$/)
  })

  it.each([
    ['garbage', 'hello\n'],
    ['JSON of another shape', '[1]\n{"id":"x"}\n'],
    ['bytes that are no text', Buffer.from([0xff, 0x0a])],
  ])('hangs up on %s and goes on serving others', async (_, sent) => {
    await serve(() => Promise.resolve('fine'))
    const socket = createConnection(controlPath(folder))
    socket.write(sent)
    socket.resume()
    await once(socket, 'close')
    expect(await callControl(folder, 'who', null)).toBe('fine')
  })

  it('[T8] hangs up on a line that never ends', async () => {
    await serve(() => Promise.resolve('fine'))
    const socket = createConnection(controlPath(folder))
    socket.on('error', () => {})
    socket.write(Buffer.alloc(MAX_LINE + 1, 0x61))
    socket.resume()
    await once(socket, 'close')
    expect(await callControl(folder, 'who', null)).toBe('fine')
  })

  it('[T8] turns an answer that fits no line into an error', async () => {
    await serve(() => Promise.resolve('x'.repeat(MAX_LINE)))
    await expect(callControl(folder, 'log', null)).rejects.toMatchObject({ code: 'too-large' })
  })

  it('answers more requests than it runs at once with an error, on the same connection', async () => {
    await serve((_, __, signal) => until(signal))
    const socket = createConnection(controlPath(folder))
    for (let id = 1; id <= 17; id++) socket.write(`${JSON.stringify({ id, method: 'wait' })}\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(JSON.parse(answer.toString())).toMatchObject({ id: 17, error: { code: 'too-many' } })
    socket.destroy()
  })
})

describe('a request whose answer is a stream', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  const readAll = async (stream: ByteStream): Promise<string> => {
    let text = ''
    for (let chunk = await stream.read(); chunk; chunk = await stream.read())
      text += Buffer.from(chunk).toString('latin1')
    return text
  }

  it('gets the connection, bytes and all, and each half ends by itself', async () => {
    await serve(async (request, _, __, handOver) => {
      await Promise.resolve()
      const stream = handOver({ ok: true })
      await stream.write(bytes(`hello ${String(request.params)}\n{"id":1,"error":{}}\n`))
      await stream.write(Uint8Array.of(0, 255, 10))
      const asked = await readAll(stream)
      await stream.write(bytes(`you said ${asked}`))
      await stream.finish()
    })
    const stream = await openControlStream(folder, 'git-stream', 'ada')
    expect(Buffer.from((await stream.read(6))!).toString()).toBe('hello ')
    await stream.write(bytes('x'.repeat(200_000)))
    await stream.finish()
    const rest = await readAll(stream)
    expect(rest).toHaveLength('ada\n{"id":1,"error":{}}\n'.length + 3 + 'you said '.length + 200_000)
    expect(rest).toContain('\x00\xff\n')
  })

  it('is refused with the error that the handler threw, and when nobody serves', async () => {
    await serve(() => Promise.reject(new StateError('other-vault', 'not here')))
    await expect(openControlStream(folder, 'git-stream', {})).rejects.toMatchObject({ code: 'other-vault' })
    await expect(openControlStream(join(folder, 'none'), 'git-stream', {})).rejects.toMatchObject({
      code: 'not-running',
    })
  })

  it('breaks off for the client when the handler fails, and for the handler when the process ends', async () => {
    let failed: unknown
    const server = await serve(async (_, __, ___, handOver) => {
      await Promise.resolve()
      const stream = handOver({})
      failed = await stream.read().then(
        () => 'ended',
        () => 'broken off',
      )
      throw new Error('over')
    })
    const stream = await openControlStream(folder, 'git-stream', {})
    await server.close()
    expect(failed).toBe('broken off')
    const end = await readAll(stream).catch(() => '')
    expect(end).toBe('')
  })

  it('carries one request: who asks for more on it gets an error', async () => {
    await serve(async ({ method }, _, signal, handOver) => {
      if (method === 'wait') return until(signal)
      await Promise.resolve()
      return void handOver({})
    })
    const socket = createConnection(controlPath(folder))
    let said = ''
    socket.on('data', (chunk: Buffer) => (said += chunk.toString()))
    socket.write('{"id":1,"method":"wait"}\n{"id":2,"method":"stream"}\n')
    await new Promise<void>((done) => socket.on('data', () => said.includes('"error"') && done()))
    expect(said).toMatch(/"id":2,"error":.*bad-line/)
    socket.destroy()
  })
})
