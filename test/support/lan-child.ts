/**
 * Discovery in a process of its own: `node <bundle> <token> <ip:port>...` announces itself, prints what it finds as
 * `{"found": …}` and `{"changed": true}`, one per line, after `{"ready": true}`. At the end of its input it closes, and has
 * nothing left to do.
 */
import { LanDiscovery } from '../../src/adapters/lan/lan-discovery.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'

const [token, ...direct] = process.argv.slice(2)
const say = (value: object) => console.log(JSON.stringify(value))
const discovery = new LanDiscovery({ clock: systemClock, onWarning: (warning) => say({ warning }) })
discovery.onFound((found) => say({ found }))
discovery.onNetworkChange(() => {
  say({ changed: true })
  discovery.query()
})
await discovery.start({ token: () => token!, direct: () => direct })
say({ ready: true })
discovery.query()
process.stdin.resume().once('end', () => void discovery.close())
