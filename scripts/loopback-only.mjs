/**
 * Runs a program (`node scripts/loopback-only.mjs PROGRAM ARG …`) in a network namespace of its own with a loopback and nothing
 * else, where Linux lets us make one; elsewhere as it is. The network library looks for routers that open ports (UPnP, PCP) and
 * has no switch against it, and what tests and demonstrations say must not leave the machine.
 */
import { spawn, spawnSync } from 'node:child_process'

/** `unshare` with the loopback up; nothing when the system does not let us. TANDEM_NETWORK=host turns it off. */
function isolation() {
  if (process.platform !== 'linux' || process.env.TANDEM_NETWORK === 'host') return []
  const shell = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh']
  for (const flags of [['--net'], ['--net', '--map-current-user', '--keep-caps'], ['--net', '--map-root-user']]) {
    const [program, ...args] = ['unshare', ...flags, ...shell]
    if (spawnSync(program, [...args, 'true'], { stdio: 'ignore' }).status === 0) return [program, ...args]
  }
  return []
}

const [program, ...args] = [...isolation(), ...process.argv.slice(2)]
const run = spawn(program, args, { stdio: 'inherit' })
// Ctrl-C reaches the program by itself; a signal to us alone is passed on.
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => run.kill('SIGTERM'))
run.on('error', (error) => {
  console.error(`${program} cannot be started: ${error.message}`)
  process.exit(1)
})
run.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)))
