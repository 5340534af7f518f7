/**
 * A stranger on the local network: `node <bundle> <address>` prints every multicast DNS datagram that the interface of that
 * address hears, as `{"from": ip, "hex": bytes}`, one per line; first `{"ready": true}`.
 */
import { createSocket } from 'node:dgram'

const [address] = process.argv.slice(2)
const socket = createSocket({ type: 'udp4', reuseAddr: true })
socket.on('message', (bytes, from) => console.log(JSON.stringify({ from: from.address, hex: bytes.toString('hex') })))
socket.bind(5353, '0.0.0.0', () => {
  socket.addMembership('224.0.0.251', address)
  console.log(JSON.stringify({ ready: true }))
})
