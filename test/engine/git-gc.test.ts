import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MemoryNetwork } from '../../src/adapters/memory/memory-transport.ts'
import { systemClock } from '../../src/adapters/node/system-clock.ts'
import { eventually } from '../support/eventually.ts'
import { runGit } from '../support/git.ts'
import { RealDevice } from '../support/real-device.ts'

const NOTES = 30
let a: RealDevice
let b: RealDevice

beforeEach(() => {
  const network = new MemoryNetwork({ clock: systemClock })
  a = new RealDevice(network, 0)
  b = new RealDevice(network, 1)
  a.pairWith(b)
  b.pairWith(a)
})
afterEach(async () => {
  await a.dispose()
  await b.dispose()
})

function write(device: RealDevice, name: string, text: string): void {
  const file = join(device.vault, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
}

function read(device: RealDevice): Record<string, string> {
  const names = readdirSync(device.vault, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.md'))
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(device.vault, name), 'utf8')]))
}

async function agree(): Promise<void> {
  await eventually('both are current', async () => {
    await a.look()
    await b.look()
    return [a, b].every((d) => d.engine!.isSettled && d.engine!.peerReports()[0]!.current) ? true : undefined
  })
}

describe('[V6] a person’s git on the repository of a running engine', () => {
  it.each([
    ['git gc, beside its work', false, [['gc', '--quiet']]],
    ['git gc --prune=now, at rest', true, [['gc', '--quiet', '--prune=now']]],
    [
      'git repack and git pack-refs, beside its work',
      false,
      [
        ['repack', '-q', '-a', '-d'],
        ['pack-refs', '--all'],
      ],
    ],
  ])('%s, again and again: nothing is lost, and both go on', { timeout: 180_000 }, async (_, atRest, commands) => {
    const notes = Object.fromEntries(Array.from({ length: NOTES }, (_, i) => [`n/${i}.md`, `note ${i}\n`]))
    for (const [name, text] of Object.entries(notes)) write(a, name, text)
    await a.start()
    await b.start()
    await agree()
    for (let round = 0; round < 5; round++) {
      for (const [device, at] of [
        [a, round],
        [b, NOTES - 1 - round],
      ] as const) {
        const name = `n/${at}.md`
        const text = `${notes[name]}edited by ${device.name}\n`
        write(device, name, text)
        notes[name] = text
        const added = `${device.name}/${round}.md`
        notes[added] = `new of ${device.name} ${round}\n`
        write(device, added, notes[added])
      }
      const looked = Promise.all([a.look(), b.look()])
      if (!atRest) for (const { repository } of [a, b]) for (const command of commands) runGit(repository, command)
      await looked
      if (atRest) await agree()
      for (const { repository } of [b, a]) for (const command of commands) runGit(repository, command)
    }
    await agree()
    for (const device of [a, b]) expect(read(device)).toEqual(notes)
    for (const { repository } of [a, b])
      expect(runGit(repository, ['fsck', '--strict', '--full', '--no-dangling']).toString()).toBe('')
    await a.stop()
    await b.stop()
    await a.start() // and finds everything again
    expect(a.engine!.isSettled).toBe(true)
  })

  it('git gc --prune=now between storing an edit and committing it: the edit is stored again', async () => {
    write(a, 'Note.md', 'one\n')
    await a.start()
    const { objects } = a.share.repository
    const begin = objects.begin.bind(objects)
    let pruned = 0
    objects.begin = async () => {
      const batch = await begin()
      const commit = batch.commit.bind(batch)
      batch.commit = async () => {
        await commit()
        if (pruned++ === 0) runGit(a.repository, ['gc', '--quiet', '--prune=now'])
      }
      return batch
    }
    write(a, 'Note.md', 'one\ntwo\n')
    await a.look()
    objects.begin = begin
    await eventually('the edit is committed', async () => {
      await a.look()
      return a.engine!.isSettled ? true : undefined
    })
    expect(pruned).toBeGreaterThan(0)
    expect(runGit(a.repository, ['show', 'refs/heads/main:Note.md']).toString()).toBe('one\ntwo\n')
    expect(runGit(a.repository, ['fsck', '--strict', '--full', '--no-dangling']).toString()).toBe('')
  })
})
