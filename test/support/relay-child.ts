/** A relay in a process of its own: `node <bundle> <host> <port>`. Says `ready` when it serves. */
import { TestRelay } from './relay.ts'

const [host, port] = process.argv.slice(2)
await TestRelay.start(host, Number(port))
console.log('ready')
