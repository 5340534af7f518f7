/**
 * The other process of the Iroh process tests: `node <bundle> <address> <what to do>`. Says `ready` when it did.
 *
 *     write   opens a stream, writes for ever
 *     close   opens a stream, writes a little, closes its endpoint, and has nothing left to do
 */
import { decodePeerAddress } from '../../src/peers/peer-address.ts'
import { IrohEndpoints } from './iroh-endpoints.ts'

const [address, task] = process.argv.slice(2)
const transport = await new IrohEndpoints().open()
const connection = await transport.connect(decodePeerAddress(address!))
const stream = await connection.openStream()
await stream.write(new Uint8Array(100_000).fill(7))
console.log('ready')
if (task === 'close') {
  const waiting = [stream.read(), transport.accept(), connection.acceptStream(), connection.closed]
  await transport.close()
  await Promise.allSettled(waiting)
} else {
  for (;;) await stream.write(new Uint8Array(16 * 1024).fill(7))
}
