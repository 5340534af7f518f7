import { describe, expect, it } from 'vitest'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { hashObject } from '../../src/objects/hash.ts'
import { someNotes, TestDevices, twoDevicesWith } from '../support/devices.ts'
import type { TestDevice } from '../support/test-device.ts'

const OLD = 'the old text\n'
const NEW = 'the new text\n'

/** A bit of the stored content flips; nobody has noticed yet. */
function damage(device: TestDevice, text: string): void {
  const oid = hashObject(nodeCodec, 'blob', new TextEncoder().encode(text))
  const object = device.objects.objects.get(oid)!
  device.objects.objects.set(oid, { ...object, content: object.content.map((byte, at) => (at ? byte : byte ^ 1)) })
}

describe('an object of the own store that a failing disk damaged', () => {
  it('stops only its own file, which is shown in plain words, and comes again from the next peer that has it', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': OLD })
    a.write({ 'Note.md': NEW })
    await devices.agree()
    damage(b, OLD)
    a.write({ 'Note.md': OLD, ...someNotes(5) })
    await devices.pass(2_000)
    expect(b.read('Note.md')).toBe(NEW)
    expect(b.read('Note 4.md')).toBeDefined()
    expect(b.share.tree.issues.failed).toEqual([
      { path: 'Note.md', reason: expect.stringContaining('damaged in this device’s history') as string },
    ])
    expect(b.share.state().applied).toBeNull()
    b.write({ 'Other.md': 'written meanwhile\n' })
    await devices.pass(2_000)
    expect(a.read('Other.md')).toBe('written meanwhile\n')
    await devices.agree()
    expect(b.read('Note.md')).toBe(OLD)
    expect(b.share.tree.issues.failed).toEqual([])
    expect(b.history().has(OLD)).toBe(true)
  })

  it('also when the only peer is away at first, and after a restart', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': OLD })
    a.write({ 'Note.md': NEW })
    await devices.agree()
    damage(b, OLD)
    a.write({ 'Note.md': OLD })
    await devices.until(() => b.share.tree.issues.failed.length > 0)
    await devices.stop(a)
    await devices.stop(b)
    await devices.start(b)
    await devices.pass(60_000)
    expect(b.read('Note.md')).toBe(NEW)
    expect(b.share.tree.issues.failed).toHaveLength(1)
    await devices.start(a)
    await devices.agree()
    expect(b.read('Note.md')).toBe(OLD)
    expect(a.read('Note.md')).toBe(OLD)
  })

  it('is written anew from a file that still holds it, when a peer asks for it', async () => {
    const devices = new TestDevices([{}, {}, {}])
    const [a, b, c] = devices.all as [TestDevice, TestDevice, TestDevice]
    a.write({ 'Note.md': OLD, ...someNotes(5) })
    await devices.start(a, b)
    await devices.agree()
    await devices.stop(a)
    damage(b, OLD)
    await devices.start(c)
    await devices.agree()
    expect(c.read('Note.md')).toBe(OLD)
    expect(b.history().has(OLD)).toBe(true)
    expect(b.ownCommits()).toEqual([])
  })

  it('that a merge needs: the merge waits for it', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': 'one\n\ntwo\n\nthree\n' })
    devices.network.partition(a.id, b.id)
    a.write({ 'Note.md': 'one of A\n\ntwo\n\nthree\n' })
    b.write({ 'Note.md': 'one\n\ntwo\n\nthree of B\n' })
    await devices.pass(5_000)
    damage(b, 'one\n\ntwo\n\nthree\n')
    devices.network.heal(a.id, b.id)
    await devices.agree()
    expect(b.read('Note.md')).toBe('one of A\n\ntwo\n\nthree of B\n')
  })

  it('is known as lost to nobody else: a peer that lacks it too is asked, and nothing breaks', async () => {
    const { devices, a, b } = await twoDevicesWith({ 'Note.md': OLD })
    a.write({ 'Note.md': NEW })
    await devices.agree()
    for (const device of [a, b]) damage(device, OLD)
    b.disk.userWrite('Copy.md', NEW)
    await devices.agree()
    a.write({ 'Note.md': OLD }) // a person writes it again: that heals the one store, and then the other
    await devices.agree()
    expect(b.read('Note.md')).toBe(OLD)
    for (const device of [a, b]) expect(device.history().has(OLD)).toBe(true)
  })
})
