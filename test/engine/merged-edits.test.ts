import { describe, expect, it } from 'vitest'
import { TestDevices, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

const NOTE = '# Note\n\nfirst paragraph\n\nsecond paragraph\n\nthird paragraph\n'
const KEPT = { 'Keep.md': 'kept\n' }

/** Both edit while they cannot reach each other; then they meet. */
async function apart(before: Record<string, string>, editA: (a: TestDevice) => void, editB: (b: TestDevice) => void) {
  const two = await twoDevicesWith({ ...KEPT, ...before }, { name: 'Laptop' }, { name: 'Phone' })
  const { devices, a, b } = two
  devices.network.partition(a.id, b.id)
  editA(a)
  await devices.pass(2_000)
  editB(b)
  await devices.pass(2_000)
  devices.network.heal(a.id, b.id)
  await devices.agree()
  return two
}

/** Every case once with the sides exchanged: the outcome may not depend on who is who. */
function fromBothSides(title: string, run: (exchange: boolean) => Promise<void>): void {
  for (const exchange of [false, true]) it(`${title}${exchange ? ', sides exchanged' : ''}`, () => run(exchange))
}

describe('[V6] [V7] both edited, through two whole engines', () => {
  fromBothSides('different paragraphs are merged', async (exchange) => {
    const edits = [
      (d: TestDevice) => d.write({ 'Note.md': NOTE.replace('first', 'FIRST') }),
      (d: TestDevice) => d.write({ 'Note.md': NOTE.replace('third', 'THIRD') }),
    ] as const
    const { a } = await apart({ 'Note.md': NOTE }, edits[exchange ? 1 : 0], edits[exchange ? 0 : 1])
    expect(a.vault()).toEqual({ ...KEPT, 'Note.md': NOTE.replace('first', 'FIRST').replace('third', 'THIRD') })
  })

  fromBothSides(
    'the same words: both texts are kept, one as a copy that names the device and the date',
    async (exchange) => {
      const edits = ['the text of one', 'another text altogether'].map(
        (text) => (d: TestDevice) => d.write({ 'Note.md': NOTE.replace('second paragraph', text) }),
      )
      const { a, b } = await apart({ 'Note.md': NOTE }, edits[exchange ? 1 : 0]!, edits[exchange ? 0 : 1]!)
      const names = Object.keys(a.vault())
      expect(names).toHaveLength(3)
      expect(names.find((name) => name.includes('conflict'))).toMatch(
        /^Note \(conflict (Laptop|Phone) 2026-01-15 \d{4}\)\.md$/,
      )
      const all = Object.values(a.vault()).join('\n')
      expect(all).toContain('the text of one')
      expect(all).toContain('another text altogether')
      expect(b.vault()).toEqual(a.vault())
    },
  )

  fromBothSides('modify beats delete', async (exchange) => {
    const edits = [
      (d: TestDevice) => d.disk.userDelete('Note.md'),
      (d: TestDevice) => d.write({ 'Note.md': `${NOTE}more\n` }),
    ] as const
    const { a } = await apart({ 'Note.md': NOTE }, edits[exchange ? 1 : 0], edits[exchange ? 0 : 1])
    expect(a.vault()).toEqual({ ...KEPT, 'Note.md': `${NOTE}more\n` })
  })

  fromBothSides('a rename carries the edit of the other side', async (exchange) => {
    const edits = [
      (d: TestDevice) => d.disk.userRename('Note.md', 'sub/Renamed.md'),
      (d: TestDevice) => d.write({ 'Note.md': `${NOTE}more\n` }),
    ] as const
    const { a } = await apart({ 'Note.md': NOTE }, edits[exchange ? 1 : 0], edits[exchange ? 0 : 1])
    expect(a.vault()).toEqual({ ...KEPT, 'sub/Renamed.md': `${NOTE}more\n` })
  })

  fromBothSides('a renamed folder carries along a note that the other side added to it', async (exchange) => {
    const before = { 'Old/One.md': 'one, long enough\n', 'Old/Two.md': 'two, long enough\n' }
    const edits = [
      (d: TestDevice) => d.disk.userRename('Old', 'New'),
      (d: TestDevice) => d.write({ 'Old/Three.md': 'three\n' }),
    ] as const
    const { a } = await apart(before, edits[exchange ? 1 : 0], edits[exchange ? 0 : 1])
    expect(a.vault()).toEqual({
      ...KEPT,
      'New/One.md': 'one, long enough\n',
      'New/Two.md': 'two, long enough\n',
      'New/Three.md': 'three\n',
    })
  })

  fromBothSides('attachments never merge: both are kept', async (exchange) => {
    const edits = ['\0one', '\0two'].map((content) => (d: TestDevice) => d.write({ 'picture.png': content }))
    const { a } = await apart({ 'picture.png': '\0base' }, edits[exchange ? 1 : 0]!, edits[exchange ? 0 : 1]!)
    const pictures = Object.entries(a.vault()).filter(([path]) => path.startsWith('picture'))
    expect(pictures.map(([, content]) => content).sort()).toEqual(['\0one', '\0two'])
    expect(pictures.map(([path]) => path).sort()[0]).toMatch(
      /^picture \(conflict (Laptop|Phone) 2026-01-15 \d{4}\)\.png$/,
    )
  })

  it('both deleted, both added the same, both made the same edit: nothing to keep twice', async () => {
    const edit = (d: TestDevice) => {
      d.disk.userDelete('Gone.md')
      d.write({ 'Added.md': 'the same\n', 'Note.md': NOTE.replace('first', 'same') })
    }
    const { a } = await apart({ 'Gone.md': 'gone\n', 'Note.md': NOTE }, edit, edit)
    expect(a.vault()).toEqual({ ...KEPT, 'Added.md': 'the same\n', 'Note.md': NOTE.replace('first', 'same') })
  })
})

describe('[V4] a conflict is one conflict (pitfall 7)', () => {
  it(
    'its copy appears once, under one name, also after 10 restarts, a third device, and more edits',
    { timeout: 60_000 },
    async () => {
      const devices = new TestDevices([{ name: 'Laptop' }, { name: 'Phone' }, { name: 'Tablet' }])
      const [a, b, c] = devices.all as [TestDevice, TestDevice, TestDevice]
      a.write({ ...KEPT, 'Note.md': NOTE })
      await devices.start(a, b)
      await devices.agree()
      devices.network.partition(a.id, b.id)
      a.write({ 'Note.md': NOTE.replace('second paragraph', 'as the laptop has it') })
      b.write({ 'Note.md': NOTE.replace('second paragraph', 'how it is on the phone') })
      await devices.pass(3_000)
      devices.network.heal(a.id, b.id)
      await devices.agree()
      const expected = a.vault()
      expect(Object.keys(expected)).toHaveLength(3)
      await devices.start(c)
      await devices.agree()
      const heads = [a.head, b.head]
      for (let restart = 0; restart < 10; restart++) {
        const device = devices.all[restart % 3]!
        if (restart % 2) device.crash()
        else await devices.stop(device)
        await devices.pass(90_000)
        await devices.start(device)
        await devices.agree()
        expect(c.vault()).toEqual(expected)
      }
      expect([a.head, b.head, c.head]).toEqual([...heads, null])
      c.write({ 'Keep.md': 'kept, edited on the tablet\n' })
      await devices.agree()
      expect(a.vault()).toEqual({ ...expected, 'Keep.md': 'kept, edited on the tablet\n' })
      // Resolved by a person: the copy goes, and stays gone.
      const copy = Object.keys(expected).find((path) => path.includes('conflict'))!
      c.disk.userDelete(copy)
      await devices.agree()
      await devices.stop()
      await devices.start()
      await devices.agree()
      expect(Object.keys(b.vault()).sort()).toEqual(['Keep.md', 'Note.md'])
    },
  )

  it('two devices that resolve the same conflict at once do not make another of it', async () => {
    const { devices, a, b } = await apart(
      { 'Note.md': NOTE },
      (d) => d.write({ 'Note.md': NOTE.replace('second paragraph', 'left words') }),
      (d) => d.write({ 'Note.md': NOTE.replace('second paragraph', 'right words') }),
    )
    const copy = Object.keys(a.vault()).find((path) => path.includes('conflict'))!
    for (const device of [a, b]) {
      device.disk.userDelete(copy)
      device.write({ 'Note.md': NOTE.replace('second paragraph', 'left and right words') })
    }
    await devices.agree()
    expect(a.vault()).toEqual({ ...KEPT, 'Note.md': NOTE.replace('second paragraph', 'left and right words') })
  })
})
