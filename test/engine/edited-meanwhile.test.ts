import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/ports/errors.ts'
import { someNotes, twoDevices, twoDevicesWith } from '../support/devices.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { TestDevice } from '../support/test-device.ts'

describe('[E1] a file that a person edits while changes arrive', () => {
  it('is never overwritten between check and change: the edit is committed first and merged', async () => {
    let interfere: (path: string) => void = () => undefined
    const { devices, a, b } = await twoDevicesWith(
      { 'Note.md': 'one\n\ntwo\n\nthree\n' },
      {},
      { files: { beforeReplace: (path) => interfere(path) } },
    )
    interfere = (path) => {
      interfere = () => undefined
      b.disk.userWrite(path, 'one\n\ntwo\n\nthree of B\n')
    }
    a.write({ 'Note.md': 'one of A\n\ntwo\n\nthree\n' })
    await devices.agree()
    expect(b.vault()).toEqual({ 'Note.md': 'one of A\n\ntwo\n\nthree of B\n' })
    expect(b.ownCommits()).toHaveLength(1)
  })

  it('is never deleted: modify beats delete', async () => {
    let interfere: (path: string) => void = () => undefined
    const { devices, a, b } = await twoDevicesWith(
      { 'Note.md': 'old\n', 'Keep.md': 'kept\n' },
      {},
      { files: { beforeReplace: (path) => interfere(path) } },
    )
    interfere = (path) => {
      interfere = () => undefined
      b.disk.userWrite(path, 'old, and new text\n')
    }
    a.disk.userDelete('Note.md')
    await devices.agree()
    expect(a.vault()).toEqual({ 'Keep.md': 'kept\n', 'Note.md': 'old, and new text\n' })
    expect(b.disk.trash.size).toBe(0)
  })

  it('is not replaced where a new file was to come: both are kept', async () => {
    let interfere: (path: string) => void = () => undefined
    const { devices, a, b } = await twoDevicesWith(
      { 'Keep.md': 'kept\n' },
      {},
      { files: { beforeReplace: (path) => interfere(path) } },
    )
    interfere = (path) => {
      interfere = () => undefined
      b.disk.userWrite(path, 'written by B\n')
    }
    a.write({ 'New.md': 'written by A\n' })
    await devices.agree()
    expect(Object.values(a.vault()).sort()).toEqual(['kept\n', 'written by A\n', 'written by B\n'])
  })

  it('is written back after a deletion that a person made at the same moment elsewhere, with a folder in between', async () => {
    let interfere: (path: string) => void = () => undefined
    const { devices, a, b } = await twoDevicesWith(
      { 'sub/Note.md': 'old\n', 'Keep.md': 'kept\n' },
      {},
      { files: { beforeReplace: (path) => interfere(path) } },
    )
    interfere = () => {
      interfere = () => undefined
      b.disk.userDelete('sub')
    }
    a.write({ 'sub/Note.md': 'old\nnew\n' })
    await devices.agree()
    expect(b.vault()).toEqual({ 'Keep.md': 'kept\n', 'sub/Note.md': 'old\nnew\n' })
  })
})

describe('[V4] an edit of a file that a checkout brought here, while the rest of that checkout waits', () => {
  const PARAGRAPHS = 'one\n\ntwo\n\nthree\n'

  it('takes out again what a peer had added, while deletions wait for consent', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(60), 'Other.md': PARAGRAPHS })
    for (let i = 0; i < 55; i++) b.disk.userDelete(`Note ${i}.md`)
    await devices.pass(5_000)
    expect(b.share.tree.consent).toMatchObject({ direction: 'local' })
    a.write({ 'Note 3.md': 'edited where B has no file any more\n', 'Other.md': `${PARAGRAPHS}\nadded by A\n` })
    await devices.pass(5_000)
    expect(b.read('Other.md')).toContain('added by A')
    b.write({ 'Other.md': PARAGRAPHS })
    await devices.pass(10_000)
    expect(b.read('Other.md')).toBe(PARAGRAPHS)
    expect(a.read('Other.md')).toBe(PARAGRAPHS)
    b.write({ 'Note 57.md': 'edited by B\n', 'sub/New.md': 'new\n' })
    await devices.pass(10_000)
    expect(a.read('Note 57.md')).toBe('edited by B\n')
    b.write({ 'sub/New.md': 'new and newer\n' })
    await devices.pass(10_000)
    expect(a.read('sub/New.md')).toBe('new and newer\n')
    expect(b.ownCommits().filter(({ message }) => message.startsWith('Join'))).toEqual([])
    await devices.complete(b.share.answerConsent(false))
    await devices.agree()
    expect(a.read('Other.md')).toBe(PARAGRAPHS)
    expect(a.read('Note 3.md')).toBe('edited where B has no file any more\n')
    expect(Object.keys(a.vault())).toHaveLength(62)
  })

  for (const first of [true, false]) {
    it(`takes out a paragraph and a file, while the disk is full${first ? ', of the very first files' : ''}`, async () => {
      let full = false
      const beforeReplace = (path: string): void => {
        if (full && path > 'Note 2') throw new VaultError('disk-full', 'no room', { path })
      }
      const { devices, a, b } = twoDevices({}, { files: { beforeReplace } })
      const files = { 'A.md': PARAGRAPHS, 'B.md': PARAGRAPHS, ...someNotes(60) }
      if (!first) {
        a.write({ 'A.md': 'one\n', 'Keep.md': 'kept\n' })
        await devices.start()
        await devices.agree()
      }
      full = true
      a.write(files)
      if (first) await devices.start()
      await devices.pass(10_000)
      expect(b.read('A.md')).toBe(PARAGRAPHS)
      expect(b.read('B.md')).toBe(PARAGRAPHS)
      expect(b.read('Note 9.md')).toBeUndefined()
      b.write({ 'A.md': 'one\n' })
      b.disk.userDelete('B.md')
      await devices.pass(10_000)
      expect(b.read('A.md')).toBe('one\n')
      full = false
      await devices.agree()
      expect(a.vault()).toEqual({ ...(first ? {} : { 'Keep.md': 'kept\n' }), ...someNotes(60), 'A.md': 'one\n' })
    })
  }

  it('also when the device was killed during the checkout, and the edit was made before it came back', async () => {
    let killing = false
    const two = await twoDevicesWith(
      { 'A.md': 'one\n', 'Keep.md': 'kept\n' },
      {},
      {
        files: {
          beforeReplace: (path) => {
            if (killing && path === 'Z.md') two.b.crash()
          },
        },
      },
    )
    const { devices, a, b } = two
    killing = true
    a.write({ 'A.md': PARAGRAPHS, 'Z.md': 'z\n' })
    await devices.pass(5_000)
    expect(b.engine).toBeNull()
    expect(b.read('A.md')).toBe(PARAGRAPHS)
    killing = false
    await devices.start(b)
    await devices.agree()
    expect(a.vault()).toEqual({ 'A.md': PARAGRAPHS, 'Keep.md': 'kept\n', 'Z.md': 'z\n' })
    expect(b.head).toBeNull()
  })
})

describe('[E1] [V6] typing while changes arrive', () => {
  const SEEDS = 200
  const BATCH = 25
  for (let first = 1; first <= SEEDS; first += BATCH) {
    it(`loses nothing that was typed, seeds ${first} to ${first + BATCH - 1}`, { timeout: 120_000 }, async () => {
      for (let seed = first; seed < first + BATCH; seed++) await typeTogether(seed)
    })
  }
})

/** Two people type into the same notes; an editor reads a file, changes a line, and writes it, in one step. */
async function typeTogether(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const int = (n: number): number => Math.floor(random.fraction() * n)
  let interfere: () => void = () => undefined
  const notes = { 'One.md': paragraphs('one'), 'sub/Two.md': paragraphs('two') }
  const files = { beforeReplace: () => interfere() }
  const { devices, a, b } = await twoDevicesWith(
    notes,
    { files },
    { files, disk: { mtimeGranularityMs: int(2) ? 2000 : 1 } },
  )
  const typed: string[] = []
  const type = (device: TestDevice): void => {
    const path = Object.keys(notes)[int(2)]!
    const lines = (device.read(path) ?? '').split('\n')
    const text = `${device.name} typed ${seed}.${typed.length}`
    typed.push(text)
    const at = int(lines.length)
    if (int(3) === 0 && /typed/.test(lines[at]!)) lines[at] += ` and ${text}`
    else lines.splice(at, 0, text)
    device.write({ [path]: lines.join('\n') })
  }
  interfere = () => void (int(3) === 0 && typed.length < 60 && type(int(2) ? a : b))
  for (let step = 0; step < 15; step++) {
    type(int(2) ? a : b)
    await devices.pass([0, 1, 60, 200, 350, 800][int(6)]!)
  }
  await devices.pass(5_000)
  interfere = () => undefined
  await devices.agree().catch((error: Error) => {
    throw new Error(`seed ${seed}: ${error.message}`)
  })
  const shown = Object.values(a.vault()).join('\n')
  const lost = typed.filter((text) => !new RegExp(`${text.replace('.', '\\.')}(?!\\d)`).test(shown))
  expect(lost, `seed ${seed}`).toEqual([])
  await devices.stop()
}

function paragraphs(name: string): string {
  return Array.from({ length: 6 }, (_, i) => `Paragraph ${i} of ${name}.\n`).join('\n')
}
