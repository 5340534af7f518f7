/** The first sync of two real processes: one has committed the vault and waits, the other starts with an empty folder. In turns with the bare binding. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Answering, copyFolder, median, run, settleDisk } from './kit.mjs'
import { LivePair } from './live-pair.mjs'

const RAW_MB = 50

/** MB/s. */
export async function rawRate(bundles) {
  const receiver = new Answering([process.execPath, bundles.rawStream, 'receive'])
  const { address } = await receiver.next()
  const done = receiver.next()
  await run([process.execPath, bundles.rawStream, 'send', address.id, address.direct[0], String(RAW_MB)])
  const { ms, bytes } = await done
  await receiver.ended
  if (bytes !== RAW_MB * 1e6) throw new Error(`${bytes} bytes came through the bare stream`)
  return bytes / 1000 / ms
}

/** Makes a pair and brings the second vault to the first's state; the two go on running. */
async function syncOnce({ work, vault, bundles, made }) {
  const folder = join(work, 'pair')
  rmSync(folder, { recursive: true, force: true })
  const [vaultA, vaultB] = [join(folder, 'a'), join(folder, 'b')]
  mkdirSync(vaultB, { recursive: true })
  await copyFolder(vault, vaultA)
  const pair = new LivePair(bundles.cli, folder, vaultA, vaultB)
  try {
    await pair.pair()
    pair.a.up()
    const aUp = await pair.a.whenUp()
    await settleDisk()
    const cpuBefore = pair.a.cpu()
    pair.b.up()
    const connected = await pair.b.when('connected', (line) => line.event === 'peer' && line.link === 'connected')
    const files = made.notes + made.attachments
    const settled = await pair.b.when('all files', (line) => line.event === 'settled' && line.applied >= files)
    const receiving = pair.b.lines.filter(({ line }) => line.event === 'progress' && line.phase === 'Receiving')
    const writing = pair.b.lines.find(({ line }) => line.event === 'progress' && line.phase === 'Writing files')
    const bytes = Math.max(...receiving.map(({ line }) => line.bytes ?? 0))
    const [status] = (await pair.a.status()).peers
    const take = {
      snapshotMs: aUp - pair.a.startedAt,
      startMs: connected - pair.b.startedAt,
      transferMs: (writing?.at ?? settled) - connected,
      checkoutMs: settled - (writing?.at ?? settled),
      syncMs: settled - connected,
      bytes,
      controlBytes: status.traffic.bytesSent,
      peakA: pair.a.peakMB(),
      peakB: pair.b.peakMB(),
      cpuA: cpuBefore === undefined ? undefined : pair.a.cpu() - cpuBefore,
      cpuB: pair.b.cpu(),
    }
    return { pair, take }
  } catch (error) {
    await pair.stop()
    throw error
  }
}

/** Leaves the last pair running in `state.peers`. */
export async function firstSync(context) {
  const { options, bundles, state } = context
  const rates = []
  const takes = []
  for (let round = 0; round < options.rounds; round++) {
    await state.peers?.stop()
    state.peers = undefined
    rates.push(await rawRate(bundles))
    const { pair, take } = await syncOnce(context)
    state.peers = pair
    takes.push(take)
  }
  const raw = { name: 'bare binding', value: median(rates) }
  const of = (key) =>
    takes.some((take) => take[key] === undefined) ? undefined : median(takes.map((take) => take[key]))
  const megabytes = of('bytes') / 1e6
  return [
    {
      what: 'first sync, from connected until all files are there',
      unit: 'ms',
      value: of('syncMs'),
      note: `${megabytes.toFixed(1)} MB of packs`,
    },
    {
      what: 'bytes per time over all of it',
      unit: 'MB/s',
      value: (megabytes / of('syncMs')) * 1000,
      beside: raw,
      aim: { least: 0.8, x: true },
    },
    { what: 'of that until everything is here, verified', unit: 'ms', value: of('transferMs') },
    {
      what: 'bytes per time of the transfer alone',
      unit: 'MB/s',
      value: (megabytes / of('transferMs')) * 1000,
      beside: raw,
    },
    { what: 'of that the checkout', unit: 'ms', value: of('checkoutMs') },
    { what: 'from the start of the process to connected', unit: 'ms', value: of('startMs') },
    { what: 'snapshot by the sender before (start of the process until up)', unit: 'ms', value: of('snapshotMs') },
    { what: 'CPU of the sender', unit: 's', value: of('cpuA') },
    { what: 'CPU of the receiver', unit: 's', value: of('cpuB') },
    { what: 'peak memory of the sender', unit: 'MB', value: of('peakA'), aim: { most: 300 } },
    { what: 'peak memory of the receiver', unit: 'MB', value: of('peakB'), aim: { most: 300 } },
  ]
}

/** A pair that is in step, for whoever measures what comes after. */
export async function pairInStep(context) {
  return (context.state.peers ??= (await syncOnce(context)).pair)
}
