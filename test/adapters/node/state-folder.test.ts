import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveVault, StateFolder } from '../../../src/adapters/node/state-folder.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'

let folder = ''
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'state-folder-'))))
afterEach(() => rmSync(folder, { recursive: true, force: true }))

describe('the state folder', () => {
  it('clears away what a killed process left, and nothing of one that lives', () => {
    mkdirSync(join(folder, 'vault'))
    const vault = resolveVault(join(folder, 'vault'))
    const state = join(folder, 'state')
    StateFolder.init(state, vault, {
      name: 'one',
      defaultName: 'one',
      configFolder: true,
      secretKey: () => new Uint8Array(32).fill(1),
      idOf: () => 'ab'.repeat(32) as EndpointId,
    })
    const { pid: dead } = spawnSync(process.execPath, ['-e', ''])
    const left = join(state, `tmp_file_tandem_${dead}_00000000_1`)
    const inUse = join(state, `tmp_file_tandem_${process.ppid}_00000000_1`)
    for (const file of [left, inUse]) writeFileSync(file, '{')
    StateFolder.open(state, vault)
    expect([existsSync(left), existsSync(inUse)]).toEqual([false, true])
  })
})
