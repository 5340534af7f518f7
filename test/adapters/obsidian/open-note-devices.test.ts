import { describe, expect, it } from 'vitest'
import { MemoryIndexStore, createMemoryIndexDisk } from '../../../src/adapters/memory/memory-index-store.ts'
import { MemoryObjectStore, createMemoryObjectDisk } from '../../../src/adapters/memory/memory-object-store.ts'
import { MemoryRefStore } from '../../../src/adapters/memory/memory-ref-store.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { ObsidianVaultFiles } from '../../../src/adapters/obsidian/obsidian-vault-files.ts'
import { TestDevices } from '../../support/devices.ts'
import { VAULT } from '../../support/test-device.ts'
import type { TestDevice } from '../../support/test-device.ts'
import { FakeVaultApp } from '../../support/obsidian/vault-app.ts'
import { editScripted, ScriptedPane } from '../../support/obsidian/vault-editor.ts'
import { countOf } from './open-note-runs.ts'

const NOTE = 'note.md'
const START = '# Note\n\nfirst paragraph\n\nsecond paragraph\n\nthird paragraph\n'

/** Two whole engines, each under an Obsidian with the note open. */
async function twoObsidians() {
  const apps: FakeVaultApp[] = []
  const made: TestDevice[] = []
  const options = [0, 1].map((number) => {
    const objects = createMemoryObjectDisk()
    const index = createMemoryIndexDisk()
    return {
      parts: async (clock: ConstructorParameters<typeof ObsidianVaultFiles>[0]['clock']) => {
        const device = made[number]!
        device.objects = objects
        return {
          name: VAULT,
          objects: new MemoryObjectStore(nodeCodec, objects),
          refs: new MemoryRefStore(device.refs),
          index: new MemoryIndexStore(index),
          files: new ObsidianVaultFiles({
            app: apps[number]!.app,
            codec: nodeCodec,
            clock,
            platform: 'linux' as const,
            editRemotely: editScripted,
          }),
        }
      },
    }
  })
  const devices = new TestDevices(options)
  for (const device of devices.all) {
    made.push(device)
    let turn = 0
    apps.push(new FakeVaultApp({ disk: device.disk, latency: () => turn++ % 4 }))
  }
  apps[0]!.person((disk) => disk.userWrite(NOTE, START))
  await devices.start()
  await devices.agree()
  const panes = await devices.complete(
    Promise.all(apps.map((app) => new ScriptedPane(app, NOTE, devices.clock).open())),
  )
  return { devices, panes }
}

describe('one note, open on two devices', () => {
  it('[V6] [pitfall 11] is written on at both, and ends the same on both with all that was typed', async () => {
    const { devices, panes } = await twoObsidians()
    const typed = [0, 1].map((number) => Array.from({ length: 12 }, (_, i) => `<word ${number}.${i}>`))
    const places = ['first paragraph', 'third paragraph']
    for (const [number, { editor }] of panes.entries())
      editor.cursor = editor.getValue().indexOf(places[number]!) + places[number]!.length
    for (let i = 0; i < 12; i++) {
      for (let char = 0; char < typed[0]![i]!.length + 3; char++) {
        for (const [number, { editor }] of panes.entries()) {
          const key = typed[number]![i]![char - number * 3]
          if (key !== undefined) editor.type(key)
        }
        await devices.pass(70)
      }
      if (i % 3 === 2) await devices.pass(4_000)
    }
    await devices.pass(5_000)
    await devices.agree()
    const [a, b] = devices.all
    expect(Object.keys(a!.vault())).toEqual([NOTE])
    expect(panes.map((pane) => pane.getViewData())).toEqual([a!.read(NOTE), b!.read(NOTE)])
    for (const word of typed.flat()) expect([word, countOf(a!.read(NOTE)!, word)]).toEqual([word, 1])
    expect(panes.map(({ merges }) => merges)).toEqual([0, 0])
    // Each cursor is still behind the last word of its person.
    for (const [number, { editor }] of panes.entries())
      expect(editor.getValue().slice(0, editor.cursor)).toMatch(new RegExp(`${typed[number]!.at(-1)!}$`))
    await devices.stop()
    for (const pane of panes) pane.close()
    expect(devices.clock.pending).toBe(0)
  })
})
