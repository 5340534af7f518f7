import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ComponentFolder, type PinnedComponents } from '../../../src/adapters/iroh/component-folder.ts'

const GOOD = Buffer.from('a binding, for the sake of this test')
const pinned: PinnedComponents = {
  version: '1.1.0',
  builds: {
    'linux-x64-gnu': { file: 'iroh.linux-x64-gnu.node', bytes: GOOD.length, sha256: hash(GOOD) },
    'darwin-arm64': { file: 'iroh.darwin-arm64.node', bytes: 3, sha256: hash(Buffer.from('mac')) },
  },
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

describe('the folder of the native component', () => {
  let base: string
  let folder: string
  let component: ComponentFolder
  beforeEach(() => {
    base = fs.mkdtempSync(path.join(tmpdir(), 'tandem-component-'))
    folder = path.join(base, 'plugin', 'native')
    component = new ComponentFolder(folder, pinned, 'linux-x64')
  })
  afterEach(() => fs.rmSync(base, { recursive: true }))

  const packed = (file: string, content: Uint8Array): Uint8Array => {
    fs.mkdirSync(path.join(base, 'package'))
    fs.writeFileSync(path.join(base, 'package', 'package.json'), '{}')
    fs.writeFileSync(path.join(base, 'package', file), content)
    execFileSync('tar', ['-czf', 'it.tgz', 'package'], { cwd: base })
    return fs.readFileSync(path.join(base, 'it.tgz'))
  }

  it('holds nothing at first, and offers what fits the platform', async () => {
    expect(await component.find()).toBeNull()
    expect(component.offer?.file).toBe('iroh.linux-x64-gnu.node')
    expect(new ComponentFolder(folder, pinned, 'darwin-x64').offer).toBeNull()
  })

  it('takes the file itself', async () => {
    component.install(GOOD)
    expect(fs.readFileSync((await component.find())!.path)).toEqual(GOOD)
    expect(fs.readdirSync(folder)).toHaveLength(1)
  })

  it('takes the npm package that holds it', async () => {
    component.install(packed('iroh.linux-x64-gnu.node', GOOD))
    expect((await component.find())?.sha256).toBe(hash(GOOD))
  })

  it.each([
    ['another file', () => Buffer.from('not a binding')],
    ['half of it', () => GOOD.subarray(0, 10)],
    ['the build of another platform', () => Buffer.from('mac')],
    ['nothing', () => new Uint8Array()],
    ['a package without it', () => packed('readme.md', Buffer.from('hello'))],
    ['a package cut in half', () => packed('iroh.linux-x64-gnu.node', GOOD).subarray(0, 60)],
  ])('refuses %s, names what it wants, and writes nothing', async (_what, bytes) => {
    expect(() => component.install(bytes())).toThrow(/iroh\.linux-x64-gnu\.node/)
    expect(fs.existsSync(folder)).toBe(false)
  })

  it('finds out that an installed one was damaged, and mends it by a new installation', async () => {
    component.install(GOOD)
    const { path: file } = (await component.find())!
    fs.truncateSync(file, 5)
    await expect(component.find()).rejects.toMatchObject({ code: 'no-native' })
    component.install(GOOD)
    expect((await component.find())?.path).toBe(file)
  })

  it('says so when the folder cannot be written, and leaves nothing behind', () => {
    fs.mkdirSync(path.dirname(folder), { recursive: true })
    fs.writeFileSync(folder, 'a file in its place')
    expect(() => component.install(GOOD)).toThrow(expect.objectContaining({ code: 'no-native' }))
    expect(fs.readFileSync(folder, 'utf8')).toBe('a file in its place')
  })

  it('is gone after it was removed', async () => {
    component.install(GOOD)
    component.remove()
    expect(await component.find()).toBeNull()
  })
})
