import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')
const FILES = ['main.js', 'dist/cli.mjs', 'dist/demo.mjs']

/** Two releases, made in different folders and by clocks of different zones. */
describe('a release', () => {
  let base: string
  const release = async (name: string, zone: string): Promise<string> => {
    const outdir = join(base, name)
    await promisify(execFile)(process.execPath, [join(root, 'esbuild.config.mjs'), '--release', `--outdir=${outdir}`], {
      cwd: base,
      env: { ...process.env, TZ: zone },
    })
    return outdir
  }
  let folders: string[]
  beforeAll(async () => {
    base = mkdtempSync(join(tmpdir(), 'tandem-release-'))
    folders = [await release('one', 'UTC'), await release('other', 'Asia/Tokyo')]
  }, 180_000)
  afterAll(() => rmSync(base, { recursive: true, force: true }))

  it.each(FILES)('has the same bytes each time: %s', (file) => {
    const [one, other] = folders.map((folder) => readFileSync(join(folder, file)))
    expect(one!.equals(other!)).toBe(true)
  })

  it.each(FILES)('names no folder of the machine that made it: %s', (file) => {
    const text = readFileSync(join(folders[0]!, file), 'utf8')
    expect(text).not.toContain(root)
    expect(text).not.toContain(base)
  })

  it('is a plugin of less than a megabyte', () => {
    expect(statSync(join(folders[0]!, 'main.js')).size).toBeLessThan(1_000_000)
  })
})
