/**
 * What the network binding can do by itself: one QUIC stream on loopback between two processes, nothing but the fastest
 * known loops around it. Bundled by build.mjs.
 *
 *     receive          says `{"address": {id, direct}}`, then `{"ms", "bytes"}` of what came
 *     send ID ADDRESS MB
 */
import type { BiStream } from '@number0/iroh'
import { loadIroh } from '../src/adapters/iroh/native-binding.ts'
import { detectByteForm } from '../src/adapters/iroh/iroh-bytes.ts'
import { bindEndpoint } from '../src/adapters/iroh/iroh-endpoint.ts'

const ALPN = 'tandem-bench/1'
const MB = 1_000_000

const iroh = loadIroh()
const form = detectByteForm(iroh)
const endpoint = await bindEndpoint(iroh, form, {
  secretKey: crypto.getRandomValues(new Uint8Array(32)),
  alpn: ALPN,
  bind: { ipv4: '127.0.0.1:0' },
  relay: 'off',
})
const say = (answer: object): void => void process.stdout.write(`${JSON.stringify(answer)}\n`)

async function receive(): Promise<void> {
  const direct = endpoint.boundSockets().filter((socket) => socket.startsWith('127.'))
  say({ address: { id: endpoint.id().toString(), direct } })
  const accepting = (await endpoint.acceptNext())!
  const connection = await (await accepting.accept()).connect()
  const { recv, send } = await connection.acceptBi()
  let bytes = 0
  let start = 0
  const sink = new Uint8Array(MB)
  for (;;) {
    const piece = await recv.read(4 * form.chunk)
    if (!piece.length) break
    start ||= performance.now()
    sink.set(form.fromNative(piece), 0)
    bytes += piece.length
  }
  say({ ms: performance.now() - start, bytes })
  await send.finish()
  await send.stopped()
}

async function send(id: string, address: string, megabytes: number): Promise<void> {
  const to = new iroh.EndpointAddr(iroh.EndpointId.fromString(id), null, [address])
  const connection = await endpoint.connect(to, form.toNative(new TextEncoder().encode(ALPN)))
  const stream: BiStream = await connection.openBi()
  const bytes = new Uint8Array(MB).map((_, i) => (i * 2654435761) >>> 13)
  for (let sent = 0; sent < megabytes * MB; sent += MB)
    for (let at = 0; at < MB; at += form.chunk)
      await stream.send.writeAll(form.toNative(bytes, at, Math.min(at + form.chunk, MB)))
  await stream.send.finish()
  await stream.send.stopped()
  while ((await stream.recv.read(1)).length);
}

const [task, id, address, megabytes] = process.argv.slice(2)
if (task === 'receive') await receive()
else await send(id!, address!, Number(megabytes))
await endpoint.close()
process.exit()
