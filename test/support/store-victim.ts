import fs from 'node:fs'
import { NodeObjectStore } from '../../src/adapters/node/node-object-store.ts'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { inChunks, noise, notes, packOf } from './object-samples.ts'

/**
 * A process that kills itself with SIGKILL before its nth change to the file system:
 * `node victim.mjs <repository> <scenario> <n>`. Writes "finished" when it came to the end.
 */
const large = { type: 'blob' as const, content: noise(3_000_000) }
const [gitDir = '', scenario = '', killAt = ''] = process.argv.slice(2)

const store = await NodeObjectStore.open(gitDir)
let left = Number(killAt)
for (const name of ['writeSync', 'renameSync', 'unlinkSync'] as const) {
  const original = fs[name] as (...args: unknown[]) => unknown
  Object.assign(fs, {
    [name]: (...args: unknown[]) => {
      if (left-- === 0) process.kill(process.pid, 'SIGKILL')
      return original(...args)
    },
  })
}

if (scenario === 'repack') {
  await store.repack({ packs: 1, loose: 1 })
} else if (scenario === 'pack') {
  await store.writePack(inChunks(packOf(nodeCodec, [...notes(300, 'victim'), large]), 500_000))
} else {
  const batch = await store.begin()
  for (const { type, content } of notes(scenario === 'few' ? 5 : 300, 'victim')) await batch.add(type, content)
  await batch.addStream(5_000_000, inChunks(new Uint8Array(5_000_000), 100_000))
  await batch.commit()
}
fs.writeFileSync(1, 'finished')
