import { execFile, spawn, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Namespaces are called `tandem-<pid of the test>-<number>-<label>`, so that those of a killed run are known as such. */
const PREFIX = 'tandem-'
let made = 0

/** A network stack of its own: nothing in it reaches this machine's networks, or anything beyond what the test connects. */
export interface Namespace {
  readonly name: string
  /** `ip` inside it. */
  ip(...args: string[]): Promise<string>
  /** A command inside it; leads no process group of its own. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  /** Whether it passes packets on from one of its networks to another. */
  forward(on: boolean): Promise<void>
}

/** Network namespaces of one test file; `dispose` ends what runs in them and removes them. */
export class Namespaces {
  readonly #names: string[] = []

  /** @throws Error that says what is missing when this machine does not allow it: iproute2, or the rights of root. */
  static async open(): Promise<Namespaces> {
    const namespaces = new Namespaces()
    try {
      await removeLeftovers()
      const probe = await namespaces.add('probe')
      await namespaces.remove(probe)
    } catch (cause) {
      throw new Error(
        `This test needs network namespaces: iproute2 ("ip"), and root or CAP_SYS_ADMIN. ${(cause as Error).message}`,
        { cause },
      )
    }
    return namespaces
  }

  async add(label: string): Promise<Namespace> {
    const name = `${PREFIX}${process.pid}-${made++}-${label}`
    await run('ip', ['netns', 'add', name])
    this.#names.push(name)
    const ip = async (...args: string[]) => (await run('ip', ['-n', name, ...args])).stdout
    await ip('link', 'set', 'lo', 'up')
    return {
      name,
      ip,
      spawn: (command, args, options = {}) => spawn('ip', ['netns', 'exec', name, command, ...args], options),
      forward: async (on) => {
        // ip.8: "ip netns exec" shows the namespace's own /proc/sys/net.
        await run('ip', ['netns', 'exec', name, 'sh', '-c', `echo ${on ? 1 : 0} > /proc/sys/net/ipv4/ip_forward`])
      },
    }
  }

  /** A cable between two namespaces, with an interface of a given name at either end. */
  async connect(left: Namespace, leftName: string, right: Namespace, rightName: string): Promise<void> {
    const [a, b] = [
      ['name', leftName, 'netns', left.name],
      ['name', rightName, 'netns', right.name],
    ] as const
    await run('ip', ['link', 'add', ...a, 'type', 'veth', 'peer', ...b])
    await left.ip('link', 'set', leftName, 'up')
    await right.ip('link', 'set', rightName, 'up')
  }

  async remove({ name }: Namespace): Promise<void> {
    this.#names.splice(this.#names.indexOf(name), 1)
    await removeNamespace(name)
  }

  async dispose(): Promise<void> {
    const failures: unknown[] = []
    for (const name of this.#names.splice(0))
      await removeNamespace(name).catch((error: unknown) => failures.push(error))
    if (failures.length) throw new AggregateError(failures, 'a network namespace could not be removed')
  }
}

/** Of runs that were killed before they could tidy up. */
async function removeLeftovers(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list'])
  for (const line of stdout.split('\n')) {
    const match = /^(tandem-(\d+)-\S+)/.exec(line)
    if (match && !isAlive(Number(match[2]))) await removeNamespace(match[1]!)
  }
}

async function removeNamespace(name: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'pids', name])
  for (const pid of stdout.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL')
    } catch {
      // gone by itself
    }
  }
  await run('ip', ['netns', 'del', name])
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
