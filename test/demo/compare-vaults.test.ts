import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { compareVaults } from '../../src/demo/compare-vaults.ts'

type Files = Record<string, string | Uint8Array>

describe('comparing two vaults', () => {
  let root = ''
  beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'tandem-compare-'))))
  afterEach(() => rm(root, { recursive: true, force: true }))

  async function aVault(name: string, files: Files): Promise<string> {
    const vault = join(root, name)
    await mkdir(vault)
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(vault, path)), { recursive: true })
      await writeFile(join(vault, path), content)
    }
    return vault
  }

  async function compare(left: Files, right: Files) {
    return compareVaults(await aVault('left', left), await aVault('right', right))
  }

  it('calls vaults with the same bytes the same, and counts files and bytes', async () => {
    const files = { 'Note.md': 'abc', 'Ordner/🍀 花园.md': 'defg', 'Empty.md': '', '.obsidian/app.json': '{}' }
    expect(await compare(files, files)).toEqual({ same: true, files: 4, bytes: 9, differences: [] })
  })

  it('names what is on one side only', async () => {
    const { same, differences } = await compare({ 'a.md': '', 'b.md': '' }, { 'b.md': '', 'c/d.md': '' })
    expect(same).toBe(false)
    expect(differences).toEqual([
      { path: 'a.md', kind: 'only-left' },
      { path: 'c/d.md', kind: 'only-right' },
    ])
  })

  it('sees a difference in length, and in one byte of the same length', async () => {
    const { differences } = await compare({ 'a.md': 'one', 'b.md': 'two' }, { 'a.md': 'one ', 'b.md': 'twp' })
    expect(differences).toEqual([
      { path: 'a.md', kind: 'different' },
      { path: 'b.md', kind: 'different' },
    ])
  })

  it('compares large files to their last byte, also where a chunk ends', async () => {
    const chunk = 1 << 20
    const large = (size: number, last: number) => new Uint8Array(size).fill(7).fill(last, size - 1)
    const { differences, bytes } = await compare(
      { 'even.bin': large(chunk, 1), 'odd.bin': large(chunk + 1, 1), 'same.bin': large(2 * chunk, 1) },
      { 'even.bin': large(chunk, 2), 'odd.bin': large(chunk + 1, 2), 'same.bin': large(2 * chunk, 1) },
    )
    expect(differences.map(({ path }) => path)).toEqual(['even.bin', 'odd.bin'])
    expect(bytes).toBe(4 * chunk + 1)
  })

  it('[E8] leaves out what is never synced', async () => {
    const { same, files } = await compare(
      { 'a.md': 'x', '.trash/old.md': 'x', '.git/config': 'x', '.obsidian/plugins/tandem-sync/data.json': '{}' },
      { 'a.md': 'x', '.DS_Store': 'x' },
    )
    expect({ same, files }).toEqual({ same: true, files: 1 })
  })

  it('[E6] takes two normalisations of one name for one name', async () => {
    expect((await compare({ 'Kräuter.md': 'x' }, { 'Kra\u0308uter.md': 'x' })).same).toBe(true)
  })

  it('does not count empty folders: git knows none', async () => {
    const [left, right] = [await aVault('left', { 'a.md': '' }), await aVault('right', { 'a.md': '' })]
    await mkdir(join(left, 'empty'))
    expect((await compareVaults(left, right)).same).toBe(true)
  })

  it('never calls the same what it cannot look at', async () => {
    const [left, right] = [await aVault('left', { 'a.md': '' }), await aVault('right', { 'a.md': '' })]
    await symlink('a.md', join(left, 'link.md'))
    expect(await compareVaults(left, right)).toMatchObject({
      same: false,
      differences: [{ path: 'link.md', kind: 'different' }],
    })
  })
})
