import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { ObsidianVaultFiles } from '../../../src/adapters/obsidian/obsidian-vault-files.ts'
import type { StepResult } from '../../../src/ports/vault-files.ts'
import { bytesOf, deleting, textOf, writing } from '../../contracts/vault-files.harness.ts'
import { FakeVaultApp } from '../../support/obsidian/vault-app.ts'
import { editScripted, ScriptedPane } from '../../support/obsidian/vault-editor.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

const NOTE = 'note.md'
const OLD = 'one\ntwo\nthree\n'
const NEW = 'zero\none\ntwo\nthree\n'

describe('a step for a note that is open', () => {
  let clock: VirtualClock
  let disk: MemoryDisk
  let app: FakeVaultApp
  let vault: ObsidianVaultFiles

  /** Lets time pass until the promise is settled. */
  const after = async <T>(promise: Promise<T>): Promise<T> => {
    await clock.advance(1000)
    return promise
  }
  const open = (path = NOTE): Promise<ScriptedPane> => after(new ScriptedPane(app, path, clock).open())
  const write = (text: string | Uint8Array, expected: string | Uint8Array = OLD): Promise<StepResult> =>
    after(vault.apply(writing(NOTE, text, expected), bytesOf(text)))
  const onDisk = (): string | undefined => textOf(disk.files().get(NOTE))
  const start = (remotely: boolean, text: string | Uint8Array = OLD): void => {
    clock = new VirtualClock()
    disk = new MemoryDisk({ clock })
    app = new FakeVaultApp({ disk, latency: () => 2 })
    app.person(() => disk.userWrite(NOTE, text))
    const more = remotely ? { editRemotely: editScripted } : {}
    vault = new ObsidianVaultFiles({ app: app.app, codec: nodeCodec, clock, platform: 'linux', ...more })
  }
  beforeEach(() => start(true))

  it('[pitfall 11] changes editor and disk, keeps the cursor in its text, and leaves nothing unsaved', async () => {
    const pane = await open()
    pane.editor.cursor = OLD.indexOf('wo')
    expect(await write(NEW)).toMatchObject({ result: 'applied' })
    expect([onDisk(), pane.getViewData(), pane.dirty, pane.merges]).toEqual([NEW, NEW, false, 0])
    expect(NEW.slice(pane.editor.cursor)).toMatch(/^wo\n/)
  })

  it('returns a stat that the next look finds again', async () => {
    await open()
    const applied = await write(NEW)
    const scan = await after(vault.scan())
    expect(applied).toEqual({ result: 'applied', stat: scan.files[0] })
  })

  it('[E1] with unsaved text in it is left alone, and the text is saved for the engine to see', async () => {
    const pane = await open()
    pane.editor.type('typed ')
    expect(await write(NEW)).toEqual({ result: 'changed' })
    expect(onDisk()).toBe(`typed ${OLD}`)
    expect(await write(`typed ${NEW}`, `typed ${OLD}`)).toMatchObject({ result: 'applied' })
    expect([onDisk(), pane.getViewData(), pane.merges]).toEqual([`typed ${NEW}`, `typed ${NEW}`, 0])
  })

  it('[E1] keeps a keystroke that falls between the step and the disk', async () => {
    const pane = await open()
    const step = vault.apply(writing(NOTE, NEW, OLD), bytesOf(NEW))
    for (let ms = 0; pane.getViewData() === OLD && ms < 1000; ms++) await clock.advance(1)
    pane.editor.type('k')
    expect(onDisk()).toBe(OLD)
    expect(await after(step)).toMatchObject({ result: 'applied' })
    await clock.advance(5000)
    expect([onDisk(), pane.getViewData(), pane.merges]).toEqual([`k${NEW}`, `k${NEW}`, 0])
  })

  it('[pitfall 3] whose text was saved again at once claims no stat, so that the next look reads it', async () => {
    const pane = await open()
    const step = vault.apply(writing(NOTE, NEW, OLD), bytesOf(NEW))
    for (let ms = 0; onDisk() === OLD && ms < 1000; ms++) await clock.advance(1)
    pane.editor.type('k')
    const saving = pane.save()
    const result = await after(step)
    await saving
    const [now] = (await after(vault.scan())).files
    if (result.result !== 'applied') throw new Error('not applied')
    expect(result.stat).not.toEqual(now)
    expect(onDisk()).toBe(`k${NEW}`)
  })

  it('undo takes back what was typed, and nothing that arrived', async () => {
    const pane = await open()
    for (const char of 'abc') pane.editor.type(char)
    await clock.advance(3000)
    await write(`abc${OLD}four\n`, `abc${OLD}`)
    while (pane.editor.undo());
    expect(pane.getViewData()).toBe(`${OLD}four\n`)
    while (pane.editor.redo());
    expect(pane.getViewData()).toBe(`abc${OLD}four\n`)
  })

  it('is one step of undo where the editor offers nothing better; undo and redo lead to whole texts only', async () => {
    start(false)
    const pane = await open()
    pane.editor.type('a')
    await clock.advance(3000)
    await write(`a${NEW}`, `a${OLD}`)
    const seen = [pane.getViewData()]
    while (pane.editor.undo()) seen.push(pane.getViewData())
    expect(seen).toEqual([`a${NEW}`, `a${OLD}`, OLD])
    while (pane.editor.redo());
    expect(pane.getViewData()).toBe(`a${NEW}`)
  })

  it('brings a second pane along', async () => {
    const [first, second] = [await open(), await open()]
    second.editor.cursor = OLD.indexOf('three')
    expect(await write(NEW)).toMatchObject({ result: 'applied' })
    expect([first.getViewData(), second.getViewData(), second.merges]).toEqual([NEW, NEW, 0])
    expect(NEW.slice(second.editor.cursor)).toBe('three\n')
  })

  it('leaves a pane alone that is loading its file', async () => {
    const pane = await open()
    pane.lastSavedData = null
    expect(await write(NEW)).toEqual({ result: 'changed' })
    expect(onDisk()).toBe(OLD)
  })

  it('[E7] keeps carriage returns, which no editor shows, and does not save the editor’s text over them', async () => {
    start(true, 'one\r\ntwo\r\n')
    const pane = await open()
    pane.editor.setFromDisk('one\ntwo\n', true) // as an editor holds it
    expect(await write('one\r\ntwo\r\nthree\r\n', 'one\r\ntwo\r\n')).toMatchObject({ result: 'applied' })
    await clock.advance(5000)
    expect(onDisk()).toBe('one\r\ntwo\r\nthree\r\n')
  })

  it('is written as bytes when it is no text, and the pane follows', async () => {
    const broken = Uint8Array.of(0x6f, 0xff, 0x0a)
    await open()
    expect(await write(broken)).toMatchObject({ result: 'applied' })
    expect(disk.files().get(NOTE)).toEqual(broken)
    expect(await write(NEW, broken)).toMatchObject({ result: 'applied' })
    expect(onDisk()).toBe(NEW)
  })

  it('[E1] takes another program’s write under a clean pane for what it is', async () => {
    const pane = await open()
    app.person(() => disk.userWrite(NOTE, 'theirs\n'))
    expect(await write(NEW)).toEqual({ result: 'changed' })
    expect([onDisk(), pane.getViewData()]).toEqual(['theirs\n', 'theirs\n'])
  })

  it('[E1] does not delete under unsaved text', async () => {
    const pane = await open()
    pane.editor.type('typed ')
    expect(await after(vault.apply(deleting(NOTE, OLD)))).toEqual({ result: 'changed' })
    expect(onDisk()).toBe(`typed ${OLD}`)
  })

  it('[V6] what is typed while it goes to the trash comes back in its place', async () => {
    const pane = await open()
    const step = vault.apply(deleting(NOTE, OLD))
    // Two calls look for it, one reads it, and the fourth is the trash.
    await clock.advance(5)
    pane.editor.type('typed ')
    expect(await after(step)).toEqual({ result: 'changed' })
    expect([onDisk(), textOf(disk.trash.get(NOTE))]).toEqual([`typed ${OLD}`, OLD])
  })

  it('is deleted when nothing is unsaved', async () => {
    await open()
    expect(await after(vault.apply(deleting(NOTE, OLD)))).toEqual({ result: 'applied' })
    expect(onDisk()).toBeUndefined()
  })

  it('tells when what was typed cannot be saved', async () => {
    const pane = await open()
    pane.editor.type('typed ')
    disk.failNext('write', Object.assign(new Error('full'), { code: 'ENOSPC' }))
    const step = vault.apply(writing(NOTE, NEW, OLD), bytesOf(NEW))
    await Promise.all([expect(step).rejects.toMatchObject({ code: 'disk-full' }), clock.advance(1000)])
    expect(pane.getViewData()).toBe(`typed ${OLD}`)
  })
})
