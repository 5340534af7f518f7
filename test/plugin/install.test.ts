// @vitest-environment happy-dom
import { execFileSync, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { ObsidianDevice } from '../support/obsidian/app-plugin.ts'

const root = path.resolve(import.meta.dirname, '../..')
const script = path.join(root, 'scripts/install-plugin.mjs')

describe('npm run install-plugin', () => {
  let vault: string
  beforeEach(() => {
    vault = fs.mkdtempSync(path.join(tmpdir(), 'tandem-install-'))
  })
  afterEach(() => fs.rmSync(vault, { recursive: true }))

  it('puts everything into the vault, and the plugin runs from there; what it kept stays', async () => {
    fs.mkdirSync(path.join(vault, '.obsidian'))
    const said = execFileSync(process.execPath, [script, vault], { encoding: 'utf8' })
    expect(said).toMatch(/Installed Tandem .*\n.*network component.*SHA-256/)
    const device = new ObsidianDevice(vault, 'new', { component: false })
    expect(fs.readdirSync(device.pluginFolder).sort()).toEqual([
      ...['data.json', 'main.js', 'manifest.json', 'native', 'styles.css'],
    ])
    device.open()
    try {
      await eventually('it runs', () => device.face.condition.kind === 'running' || undefined)
      const data = fs.readFileSync(path.join(device.pluginFolder, 'data.json'), 'utf8')
      execFileSync(process.execPath, [script, vault]) // an update, while this process has the component loaded
      expect(fs.readFileSync(path.join(device.pluginFolder, 'data.json'), 'utf8')).toBe(data)
      device.write('Note.md', 'one\n')
      await eventually('it still works', () => device.face.share!.repository.graph.size === 1 || undefined)
    } finally {
      await device.close()
    }
  }, 120_000)

  it.each([
    ['no vault', [], /Say which vault/],
    ['a folder that is not there', ['/nowhere/at/all'], /There is no folder/],
    ['a folder that is no vault', ['.'], /not a vault yet/],
    ['an option', ['--help'], /Say which vault/],
  ])('says what to do when given %s', (_what, args, words) => {
    const { status, stderr } = spawnSync(process.execPath, [script, ...args], { encoding: 'utf8', cwd: vault })
    expect(status).toBe(2)
    expect(stderr).toMatch(words)
  })
})
