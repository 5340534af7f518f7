import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const syncs: { readonly began: number; end(error: Error | null): void }[] = []
let turn = 0

vi.mock('node:fs', async (original) => {
  const real = await original<typeof fs>()
  const fsync = (_fd: number, done: (error: Error | null) => void): void =>
    void syncs.push({ began: ++turn, end: done })
  return { ...real, fsync, default: { ...real, fsync } }
})

const { FolderSync } = await import('../../../src/adapters/node/folder-sync.ts')

describe.skipIf(process.platform === 'win32')('syncing a folder for many writers at once', () => {
  let folder: string
  let folders: InstanceType<typeof FolderSync>
  /** What each caller was told, in order: its name. */
  let answered: string[]
  /** When it asked. */
  let asked: Map<string, number>

  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tandem-folder-sync-'))
    folders = new FolderSync()
    answered = []
    asked = new Map()
    syncs.length = 0
  })

  afterEach(() => fs.rmSync(folder, { recursive: true }))

  const settle = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve()
  }

  const ask = (name: string, disk = folder): void => {
    asked.set(name, ++turn)
    void folders.sync(disk).then(() => answered.push(name))
  }

  const end = async (which: number, error: Error | null = null): Promise<void> => {
    syncs[which]!.end(error)
    await settle()
  }

  it('answers each by a sync that began after it asked, and those who wait by one together', async () => {
    ask('first')
    ask('second')
    ask('third')
    await settle()
    expect(syncs).toHaveLength(1)
    await end(0)
    expect(answered).toEqual(['first'])
    expect(syncs).toHaveLength(2)
    ask('fourth')
    await end(1)
    expect(answered).toEqual(['first', 'second', 'third'])
    expect(syncs).toHaveLength(3)
    expect(syncs[1]!.began).toBeGreaterThan(asked.get('third')!)
    expect(syncs[2]!.began).toBeGreaterThan(asked.get('fourth')!)
    await end(2)
    expect(answered).toEqual(['first', 'second', 'third', 'fourth'])
  })

  it('begins anew for who asks when all is done, also at the very moment when a sync ends', async () => {
    ask('first')
    syncs[0]!.end(null)
    for (let i = 0; i < 8; i++) {
      ask(`at turn ${i}`)
      await Promise.resolve()
    }
    await settle()
    for (let i = 1; i < syncs.length; i++) await end(i)
    await settle()
    for (let i = 1; i < syncs.length; i++) if (answered.length < 9) await end(i)
    expect(answered).toHaveLength(9)
    expect(syncs.at(-1)!.began).toBeGreaterThan(asked.get('at turn 7')!)
    const before = syncs.length
    ask('late')
    expect(syncs).toHaveLength(before + 1)
    await end(before)
    expect(answered).toContain('late')
  })

  it('answers everybody where the system refuses to sync folders, and where the folder is gone', async () => {
    for (const name of ['first', 'second', 'third']) ask(name)
    await end(0, Object.assign(new Error('EINVAL'), { code: 'EINVAL' }))
    await end(1, Object.assign(new Error('EIO'), { code: 'EIO' }))
    expect(answered).toEqual(['first', 'second', 'third'])
    for (const name of ['fourth', 'fifth']) ask(name, path.join(folder, 'gone'))
    await settle()
    expect(answered).toHaveLength(5)
  })

  it('keeps folders apart: one that is slow holds up nobody else', async () => {
    const other = path.join(folder, 'other')
    fs.mkdirSync(other)
    ask('slow')
    ask('quick', other)
    await end(1)
    expect(answered).toEqual(['quick'])
    await end(0)
    expect(answered).toEqual(['quick', 'slow'])
  })
})
