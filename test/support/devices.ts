import { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { TestDevice, type TestDeviceOptions } from './test-device.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Virtual time in which devices that can reach each other must agree: reconnects take up to 30 s, dead links are noticed after 30 s. */
const AGREE_MS = 240_000

/** Whole devices on one virtual clock and one network, each paired with each. */
export class TestDevices {
  readonly clock = new VirtualClock()
  readonly network: MemoryNetwork
  readonly all: readonly TestDevice[]

  /** `bytesPerMs`: of each direction of a connection; unlimited unless given. */
  constructor(options: readonly TestDeviceOptions[], latencyMs = 1, bytesPerMs?: number) {
    const pace = bytesPerMs === undefined ? {} : { bytesPerMs }
    this.network = new MemoryNetwork({ clock: this.clock, latencyMs, ...pace })
    this.all = options.map((each, number) => new TestDevice(this.network, this.clock, number, each))
    for (const device of this.all)
      device.records = this.all.filter((other) => other !== device).map((other) => other.record)
  }

  /** Runs a promise to its end on the virtual clock. */
  async complete<T>(work: Promise<T>, limitMs = AGREE_MS): Promise<T> {
    let done = false
    const settled = work.finally(() => (done = true))
    settled.catch(() => undefined)
    for (const until = this.clock.now() + limitMs; !done && this.clock.now() < until;) await this.clock.advance(20)
    if (!done) throw new Error(`not done after ${limitMs} ms of virtual time\n${this.describe()}`)
    return settled
  }

  async start(...devices: readonly TestDevice[]): Promise<void> {
    for (const device of devices.length ? devices : this.all) await this.complete(device.start())
  }

  async stop(...devices: readonly TestDevice[]): Promise<void> {
    for (const device of devices.length ? devices : this.all) await this.complete(device.stop())
  }

  /** Lets time pass. */
  pass(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  /** Waits until it is so. */
  async until(what: () => boolean, limitMs = AGREE_MS): Promise<void> {
    for (const until = this.clock.now() + limitMs; this.clock.now() < until;) {
      if (what()) return
      await this.clock.advance(100)
    }
    throw new Error(`not so after ${limitMs} ms of virtual time: ${what.toString()}\n${this.describe()}`)
  }

  /**
   * Waits until all running devices are at rest and know each other to be current.
   * Throws when their vaults are not the same then, or their refs, or a ref names what is not there.
   */
  async agree(): Promise<void> {
    const running = this.all.filter((device) => device.engine)
    await this.pass(600) // what was just written is noticed and has its quiet time
    await this.until(() =>
      running.every(
        (d) =>
          d.engine!.isSettled &&
          !d.share.tree.issues.unreadable.length &&
          d.engine!.peerReports().every((p) => p.current || !running.some((r) => r.id === p.id)),
      ),
    )
    const [first, ...rest] = running.map((device) => ({
      device,
      vault: JSON.stringify(device.vault()),
      refs: JSON.stringify([...device.refs].filter(([name]) => /^refs\/(devices|heads)/.test(name)).sort()),
    }))
    for (const { device, vault, refs } of rest) {
      if (vault !== first!.vault)
        throw new Error(`[V3] ${device.name} and ${first!.device.name} hold other files\n${this.describe()}`)
      if (refs !== first!.refs)
        throw new Error(`[V3] ${device.name} and ${first!.device.name} hold other refs\n${this.describe()}`)
    }
    for (const device of running) device.history()
  }

  describe(): string {
    return this.all.map((device) => device.describe()).join('\n')
  }
}

/** Two devices, paired, not started yet. */
export function twoDevices(
  a: TestDeviceOptions = {},
  b: TestDeviceOptions = {},
): { devices: TestDevices; a: TestDevice; b: TestDevice } {
  const devices = new TestDevices([a, b])
  return { devices, a: devices.all[0]!, b: devices.all[1]! }
}

/** Two devices that run and both hold these files. */
export async function twoDevicesWith(
  files: Readonly<Record<string, string | Uint8Array>>,
  a: TestDeviceOptions = {},
  b: TestDeviceOptions = {},
): Promise<{ devices: TestDevices; a: TestDevice; b: TestDevice }> {
  const two = twoDevices(a, b)
  two.a.write(files)
  await two.devices.start()
  await two.devices.agree()
  return two
}

/** One device without peers, running. */
export async function aShare(
  files: Readonly<Record<string, string | Uint8Array>> = {},
  options: TestDeviceOptions = {},
): Promise<{ devices: TestDevices; device: TestDevice }> {
  const devices = new TestDevices([options])
  const device = devices.all[0]!
  device.write(files)
  await devices.start()
  return { devices, device }
}

/** `count` notes of a few lines, each its own. */
export function someNotes(count: number, prefix = 'Note '): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`${prefix}${i}.md`, `# ${prefix}${i}\n\nText number ${i}.\n`]),
  )
}
