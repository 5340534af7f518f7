import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { resolveVault, StateFolder } from '../../../src/adapters/node/state-folder.ts'
import { dataStoreContract } from '../../contracts/data-store.contract.ts'
import { anId } from '../../support/sample-messages.ts'

dataStoreContract('state folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'data-store-'))
  mkdirSync(join(folder, 'vault'))
  const vault = resolveVault(join(folder, 'vault'))
  const state = join(folder, 'state')
  const idOf = () => anId(1)
  const options = { name: 'host', defaultName: 'host', configFolder: undefined, idOf }
  const file = join(state, 'data.json')
  return {
    self: anId(1),
    open: async () => {
      StateFolder.init(state, vault, { ...options, secretKey: () => new Uint8Array(32).fill(7) })
      return StateFolder.open(state, vault, { idOf })
    },
    text: async () => readFileSync(file, 'utf8'),
    write: async (text) => writeFileSync(file, text),
    aside: async () => {
      const names = [1, 2, 3].map((n) => `${file}.damaged-${n}`).filter((name) => existsSync(name))
      return names.map((name) => readFileSync(name, 'utf8'))
    },
    dispose: async () => rmSync(folder, { recursive: true, force: true }),
  }
})
