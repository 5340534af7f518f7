import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { NodeIndexStore } from '../../../src/adapters/node/node-index-store.ts'
import { anEntry, aPath, BASE, rows } from '../../contracts/index-store.contract.ts'

function aFolder() {
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'tandem-index-'))
  onTestFinished(() => fs.rmSync(folder, { recursive: true, force: true }))
  return { folder, file: path.join(folder, 'index.jsonl') }
}

async function saved(folder: string): Promise<void> {
  const store = new NodeIndexStore(folder)
  await store.save({ put: rows(3), base: BASE })
  await store.save({ put: rows(3, 3) })
  await store.close()
}

describe('the index journal', () => {
  it('ends before a last line that was cut short anywhere, and goes on from there', async () => {
    const { folder, file } = aFolder()
    await saved(folder)
    const whole = fs.readFileSync(file)
    const lastLine = whole.lastIndexOf('\n', whole.length - 2) + 1
    for (let length = lastLine; length < whole.length; length += 13) {
      fs.writeFileSync(file, whole.subarray(0, length))
      const store = new NodeIndexStore(folder, { onDamaged: () => expect.unreachable() })
      const { entries, base } = await store.load()
      expect(entries.size).toBe(3)
      expect(base).toBe(BASE)
      await store.save({ put: rows(1, 100) })
      await store.close()
      const again = new NodeIndexStore(folder)
      expect((await again.load()).entries.size).toBe(4)
      await again.close()
    }
  })

  it.each([
    ['a flipped bit', (bytes: Buffer) => void (bytes[60]! ^= 1)],
    ['a first line of another version', (bytes: Buffer) => void bytes.write('00000000 {"version":9}', 0)],
  ])('[E2] is set aside with %s before its end: nothing is known, and that is said', async (_, damage) => {
    const { folder, file } = aFolder()
    await saved(folder)
    const bytes = fs.readFileSync(file)
    damage(bytes)
    fs.writeFileSync(file, bytes)
    const onDamaged = vi.fn()
    const store = new NodeIndexStore(folder, { onDamaged, now: () => 1234 })
    expect(await store.load()).toEqual({ entries: new Map(), base: null, unfinished: [] })
    const movedTo = path.join(folder, 'index.damaged-1234')
    expect(onDamaged).toHaveBeenCalledExactlyOnceWith(movedTo)
    expect(Buffer.compare(fs.readFileSync(movedTo), bytes)).toBe(0)
    await store.save({ put: rows(1) })
    expect((await store.load()).entries.size).toBe(1)
    await store.close()
  })

  it('is rewritten when it grew far beyond its rows, and says the same', async () => {
    const { folder, file } = aFolder()
    const store = new NodeIndexStore(folder)
    let largest = 0
    for (let round = 0; round < 40; round++) {
      await store.save({ put: rows(100).map(([name], i) => [name, anEntry(round * 100 + i)]), base: BASE })
      largest = Math.max(largest, fs.statSync(file).size)
    }
    await store.close()
    const perSave = 100 * 160
    expect(largest).toBeLessThan(25 * perSave)
    const { entries, base } = await new NodeIndexStore(folder).load()
    expect(entries.size).toBe(100)
    expect(entries.get(aPath(7))).toEqual(anEntry(3907))
    expect(base).toBe(BASE)
    expect(fs.readdirSync(folder)).toEqual(['index.jsonl'])
  })

  it('holds all of a save or nothing when the disk is full', async () => {
    const { folder } = aFolder()
    const store = new NodeIndexStore(folder)
    await store.save({ put: rows(3), base: BASE })
    const original = fs.writeSync
    let calls = 0
    const write = vi.spyOn(fs, 'writeSync').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      ...rest: [number, number, number]
    ) => {
      if (calls++ > 0) throw Object.assign(new Error('full'), { code: 'ENOSPC', errno: -28, syscall: 'write' })
      return original(fd, bytes, rest[0], Math.min(20, rest[1]), rest[2])
    }) as typeof fs.writeSync)
    await expect(store.save({ put: rows(5, 50), remove: [aPath(0)], base: null })).rejects.toMatchObject({
      code: 'disk-full',
    })
    write.mockRestore()
    for (const instance of [store, new NodeIndexStore(folder)]) {
      const { entries, base } = await instance.load()
      expect([...entries.keys()]).toEqual(rows(3).map(([name]) => name))
      expect(base).toBe(BASE)
    }
    await store.save({ put: rows(1, 9) })
    expect((await new NodeIndexStore(folder).load()).entries.size).toBe(4)
  })
})
