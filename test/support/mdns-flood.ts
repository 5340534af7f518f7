/**
 * A hostile device on the local network: `node <bundle> <address> <hex>...` sends these datagrams to everybody, each whole, cut
 * and changed, hundreds a second, until it is killed.
 */
import { createSocket } from 'node:dgram'

const [address, ...hex] = process.argv.slice(2)
const originals = hex.map((text) => Buffer.from(text, 'hex'))
const socket = createSocket({ type: 'udp4', reuseAddr: true })
socket.bind(5353, '0.0.0.0', () => {
  socket.setMulticastInterface(address!)
  let turn = 0
  setInterval(() => {
    turn++
    for (const original of originals) {
      const copy = Buffer.from(original)
      const at = (turn * 7919) % copy.length
      if (turn % 3 === 1) copy[at] = (copy[at]! + turn) & 0xff
      const sent = turn % 3 === 2 ? copy.subarray(0, at) : copy
      socket.send(sent, 5353, '224.0.0.251', () => undefined)
    }
  }, 2)
  console.log('ready')
})
