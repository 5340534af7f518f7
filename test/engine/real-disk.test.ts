import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { eventually } from '../support/eventually.ts'
import { runGit } from '../support/git.ts'
import { RealDevice } from '../support/real-device.ts'
import { seededRandom } from '../support/seeded-random.ts'

let network: MemoryNetwork
let a: RealDevice
let b: RealDevice

beforeEach(() => {
  network = new MemoryNetwork({ clock: systemClock })
  a = new RealDevice(network, 0)
  b = new RealDevice(network, 1)
  a.pairWith(b)
  b.pairWith(a)
})
afterEach(async () => {
  await a.dispose()
  await b.dispose()
})

function write(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

/** Every file by path, as base64: equal means equal byte for byte. */
function read(folder: string): Record<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !/^\.(trash|git)(\/|$)/.test(path) && statSync(join(folder, path)).isFile(),
  )
  return Object.fromEntries(paths.sort().map((path) => [path, readFileSync(join(folder, path), 'base64')]))
}

async function agree(): Promise<void> {
  await a.look()
  await b.look()
  await eventually(
    'both are current',
    () =>
      [a, b].every((device) => device.engine!.isSettled && device.engine!.peerReports()[0]!.current) ? true : undefined,
    { withinMs: 25_000 },
  )
  expect(read(b.vault)).toEqual(read(a.vault))
}

/** Stock git finds nothing wrong, and clones exactly the vault. */
function judge(device: RealDevice): void {
  runGit(device.repository, ['fsck', '--strict', '--full'])
  const clone = mkdtempSync(join(tmpdir(), 'clone-'))
  try {
    runGit(clone, ['clone', '--quiet', device.repository, 'it'])
    expect(read(join(clone, 'it'))).toEqual(read(device.vault))
  } finally {
    rmSync(clone, { recursive: true })
  }
}

const NOTES = {
  'Home.md': 'one\n\ntwo\n\nthree\n',
  'sub/Note.md': 'note\n',
  'sub/Gone.md': 'gone soon\n',
  'empty.md': '',
  '🗒️.bin': Uint8Array.from({ length: 256 }, (_, i) => i),
}

describe('two devices on real folders, judged by stock git', () => {
  it('[V9] edits of both sides converge, and every repository is one that git finds sound', async () => {
    write(a.vault, NOTES)
    await a.start()
    await b.start()
    await agree()
    write(a.vault, { 'Home.md': 'one of A\n\ntwo\n\nthree\n', 'From A.md': 'a\n' })
    write(b.vault, { 'Home.md': 'one\n\ntwo\n\nthree of B\n', 'From B/b.md': 'b\n' })
    renameSync(join(a.vault, 'sub/Note.md'), join(a.vault, 'Moved.md'))
    unlinkSync(join(b.vault, 'sub/Gone.md'))
    await Promise.all([a.look(), b.look()])
    await agree()
    expect(readFileSync(join(b.vault, 'Home.md'), 'utf8')).toBe('one of A\n\ntwo\n\nthree of B\n')
    for (const device of [a, b]) judge(device)
    await a.stop()
    write(a.vault, { 'Home.md': 'one of A\n\ntwo, while stopped\n\nthree of B\n' })
    await a.start()
    await agree()
    expect(Object.keys(read(b.vault)).filter((path) => path.includes('conflict'))).toEqual([])
    for (const device of [a, b]) judge(device)
  })

  it('[E7] [T2] a 20 MiB attachment that is cut twice goes on where it stopped', { timeout: 60_000 }, async () => {
    const content = seededRandom(1).bytes(20 * 1024 * 1024)
    write(a.vault, { 'Home.md': 'home\n', 'film.mp4': content })
    const cutsAt = [5, 12].map((mebibytes) => mebibytes * 1024 * 1024)
    b.onReceived = (bytes) => {
      if (bytes < (cutsAt[0] ?? Infinity)) return
      cutsAt.shift()
      network.cut(a.id, b.id)
    }
    await a.start()
    await b.start()
    await agree()
    expect(cutsAt).toEqual([])
    expect(readFileSync(join(b.vault, 'film.mp4')).equals(content)).toBe(true)
    expect(b.engine!.peerReports()[0]!.traffic.bytesReceived).toBeLessThan(1.15 * content.length)
    for (const device of [a, b]) judge(device)
  })

  it('[E2] a folder that became a link, and a vault that was emptied, delete nothing anywhere', async () => {
    write(a.vault, NOTES)
    await a.start()
    await b.start()
    await agree()
    const before = read(b.vault)
    renameSync(join(a.vault, 'sub'), join(dirname(a.vault), 'elsewhere'))
    symlinkSync(join(dirname(a.vault), 'elsewhere'), join(a.vault, 'sub'))
    await a.look()
    write(b.vault, { 'sub/Note.md': 'note of B\n', 'Home.md': 'home of B\n' })
    await b.look()
    await eventually('what is not behind the link has arrived', () =>
      readFileSync(join(a.vault, 'Home.md'), 'utf8') === 'home of B\n' ? true : undefined,
    )
    expect(readFileSync(join(dirname(a.vault), 'elsewhere/Note.md'), 'utf8')).toBe('note\n')
    unlinkSync(join(a.vault, 'sub'))
    renameSync(join(dirname(a.vault), 'elsewhere'), join(a.vault, 'sub'))
    await agree()
    expect(Object.keys(read(a.vault))).toEqual(Object.keys(before))
    expect(readFileSync(join(a.vault, 'sub/Note.md'), 'utf8')).toBe('note of B\n')

    const kept = join(dirname(a.vault), 'kept')
    mkdirSync(kept)
    for (const name of readdirSync(a.vault)) renameSync(join(a.vault, name), join(kept, name))
    write(b.vault, { 'New.md': 'new\n' })
    await b.look()
    await a.look()
    expect(read(a.vault)).toEqual({})
    expect(Object.keys(read(b.vault))).toEqual([...Object.keys(before), 'New.md'].sort())
    await a.stop()
    await a.start()
    expect(read(a.vault)).toEqual({})
    for (const name of readdirSync(kept)) renameSync(join(kept, name), join(a.vault, name))
    await agree()
    expect(Object.keys(read(a.vault))).toEqual([...Object.keys(before), 'New.md'].sort())
    for (const device of [a, b]) judge(device)
  })
})
