import fs from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openBareRepository } from '../../../src/adapters/node/bare-repository.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { NodeIndexStore } from '../../../src/adapters/node/node-index-store.ts'
import { NodeObjectStore } from '../../../src/adapters/node/node-object-store.ts'
import { NodeRefStore } from '../../../src/adapters/node/node-ref-store.ts'
import { indexStoreContract } from '../../contracts/index-store.contract.ts'
import { damaged, objectStoreContract } from '../../contracts/object-store.contract.ts'
import { refStoreContract } from '../../contracts/ref-store.contract.ts'

async function aFolder() {
  const folder = await mkdtemp(path.join(tmpdir(), 'tandem-store-'))
  return { folder, dispose: () => rm(folder, { recursive: true, force: true }) }
}

refStoreContract('node', async () => {
  const { folder, dispose } = await aFolder()
  await openBareRepository(folder)
  return { open: async () => new NodeRefStore(folder), dispose }
})

indexStoreContract('node', async () => {
  const { folder, dispose } = await aFolder()
  const opened: NodeIndexStore[] = []
  return {
    async open() {
      const store = new NodeIndexStore(folder)
      opened.push(store)
      return store
    },
    async dispose() {
      for (const store of opened) await store.close()
      await dispose()
    },
  }
})

objectStoreContract(
  'node',
  async () => nodeCodec,
  async () => {
    const { folder, dispose } = await aFolder()
    await openBareRepository(folder)
    const opened: NodeObjectStore[] = []
    return {
      async open() {
        const store = await NodeObjectStore.open(folder)
        opened.push(store)
        return store
      },
      async damage() {
        const objects = path.join(folder, 'objects')
        for (const name of fs.readdirSync(objects, { recursive: true, encoding: 'utf8' })) {
          if (!/^[0-9a-f]{2}.[0-9a-f]{38}$|\.pack$/.test(name)) continue
          const file = path.join(objects, name)
          fs.chmodSync(file, 0o644)
          fs.writeFileSync(file, damaged(fs.readFileSync(file)))
        }
      },
      async dispose() {
        for (const store of opened) await store.close()
        await dispose()
      },
    }
  },
)
