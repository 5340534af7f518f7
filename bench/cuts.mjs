/**
 * A first sync whose receiving process is killed at 20 random points, beside one that is left alone: what the cuts cost on the wire,
 * counted by the sender (also what was under way and lost). After each kill stock git looks for objects that a ref names and that are
 * not there.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyFolder, run, settleDisk } from './kit.mjs'
import { LivePair } from './live-pair.mjs'

const CUTS = 20

function makeFiles(folder, megabytes) {
  mkdirSync(join(folder, 'files'), { recursive: true })
  let bytes = 0
  for (let i = 0; bytes < megabytes * 1e6; i++) {
    const size = Math.min(randomInt(1_000_000, 30_000_000), Math.ceil(megabytes * 1e6 - bytes))
    writeFileSync(join(folder, 'files', `${i}.bin`), randomBytes(size))
    bytes += size
  }
  for (let i = 0; i < 300; i++)
    writeFileSync(join(folder, `Note ${i}.md`), `# Note ${i}\n\n${'Words and words.\n'.repeat(i)}`)
}

function repositoryOf(state) {
  const found = readdirSync(state, { recursive: true }).find((name) => String(name).endsWith('repository.git'))
  return found && join(state, String(found))
}

/** @param {readonly number[]} points bytes received in all, after each of which the receiver is killed */
async function sync({ work, bundles }, vault, points) {
  const folder = join(work, 'cuts')
  rmSync(folder, { recursive: true, force: true })
  const [vaultA, vaultB] = [join(folder, 'a'), join(folder, 'b')]
  mkdirSync(vaultB, { recursive: true })
  await copyFolder(vault, vaultA)
  const pair = new LivePair(bundles.cli, folder, vaultA, vaultB)
  const start = performance.now()
  let [cuts, damaged, received] = [0, 0, 0]
  let peakB = 0
  try {
    await pair.pair()
    pair.a.up()
    await pair.a.whenUp()
    await settleDisk()
    for (const point of [...points, Infinity]) {
      pair.b.up()
      const gap = Math.max(point - received, 1)
      const settled = ({ event, current }) => event === 'peer' && current === true
      const enough = ({ event, phase, bytes }) => event === 'progress' && phase === 'Receiving' && bytes >= gap
      await pair.b.when('enough, or all', (line) => settled(line) || enough(line), 600_000)
      peakB = Math.max(peakB, pair.b.peakMB() ?? 0)
      if (pair.b.lines.some(({ line }) => settled(line))) break
      await pair.b.kill()
      cuts++
      received += Math.max(...pair.b.lines.map(({ line }) => (line.phase === 'Receiving' && line.bytes) || 0))
      const repository = repositoryOf(pair.b.state)
      if (repository && existsSync(join(repository, 'HEAD')))
        await run(['git', '-C', repository, 'fsck', '--connectivity-only', '--no-dangling']).catch(() => damaged++)
    }
    const ms = performance.now() - start
    const [status] = (await pair.a.status()).peers
    await run(['diff', '-r', '-q', '--exclude=.*', vaultA, vaultB])
    return { bytes: status.traffic.bytesSent, cuts, damaged, ms, peakA: pair.a.peakMB(), peakB }
  } finally {
    await pair.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function cuts(context) {
  const megabytes = context.options.quick ? 20 : 200
  const vault = join(context.work, 'cut-vault')
  makeFiles(vault, megabytes)
  const whole = await sync(context, vault, [])
  const points = Array.from({ length: CUTS }, () => Math.random() * 0.8 * whole.bytes).sort((a, b) => a - b)
  const broken = await sync(context, vault, points)
  rmSync(vault, { recursive: true, force: true })
  return [
    { what: `bytes sent for ${megabytes} MB, uncut`, unit: 'MB', value: whole.bytes / 1e6 },
    {
      what: `bytes sent with ${broken.cuts} kills of the receiver`,
      unit: 'MB',
      value: broken.bytes / 1e6,
      beside: { name: 'uncut', value: whole.bytes / 1e6 },
      aim: { most: 1.15, x: true },
    },
    { what: 'kills after which a ref named what was missing', unit: '', value: broken.damaged, aim: { most: 0 } },
    { what: 'peak memory of the sender', unit: 'MB', value: broken.peakA, aim: { most: 300 } },
    { what: 'peak memory of the receiver', unit: 'MB', value: broken.peakB, aim: { most: 300 } },
  ]
}
