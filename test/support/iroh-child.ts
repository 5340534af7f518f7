/**
 * The other process of the Iroh process tests: `node <bundle> <address> <what to do>`. It opens a stream, writes 100 kB,
 * waits for a byte, and then
 *
 *     write   goes on writing for ever
 *     close   closes its endpoint while all sorts of calls wait, and has nothing left to do
 */
import { decodePeerAddress } from '../../src/peers/peer-address.ts'
import { IrohEndpoints } from './iroh-endpoints.ts'

const [address, task] = process.argv.slice(2)
const transport = await new IrohEndpoints().open()
const connection = await transport.connect(decodePeerAddress(address!))
const stream = await connection.openStream()
await stream.write(new Uint8Array(100_000).fill(7))
await stream.read(1)
if (task === 'close') {
  const waiting = Promise.allSettled([stream.read(), transport.accept(), connection.acceptStream(), connection.closed])
  await transport.close()
  await waiting
} else {
  for (;;) await stream.write(new Uint8Array(16 * 1024).fill(7))
}
