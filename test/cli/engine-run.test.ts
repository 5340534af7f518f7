import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { endpointIdOf } from '../../src/adapters/iroh/iroh-keys.ts'
import { StateFolder } from '../../src/adapters/node/state-folder.ts'
import { Context } from '../../src/cli/context.ts'
import { withEngine } from '../../src/cli/engine-run.ts'
import { aTestFolder } from '../support/peer-folders.ts'
import { anId } from '../support/sample-messages.ts'
import { recordOf } from '../support/two-devices.ts'

const folder = aTestFolder()
afterAll(() => folder.dispose())

it('[P5] a command that waited for another one works on the list that it left: what was removed stays removed', async () => {
  const [vault, state] = [join(folder.path, 'vault'), join(folder.path, 'state')]
  mkdirSync(vault)
  const peer = (number: number, name: string) => recordOf({ id: anId(number), address: '127.0.0.1:9' }, { name })
  const { state: made } = StateFolder.init(state, vault, {
    name: 'here',
    defaultName: 'here',
    configFolder: undefined,
    secretKey: () => new Uint8Array(32).fill(5),
    idOf: endpointIdOf,
  })
  await made.savePeers([peer(21, 'removed meanwhile'), peer(22, 'asked for')])

  const options = { state, relay: 'off', bind: '127.0.0.1:0', json: true }
  const context = new Context(vault, options, new AbortController().signal, () => undefined)
  const { lockOrReach } = context
  context.lockOrReach = async (command) => {
    const data = JSON.parse(readFileSync(join(state, 'data.json'), 'utf8')) as object
    writeFileSync(
      join(state, 'data.json'),
      JSON.stringify({ ...data, peers: [peer(22, 'asked for'), peer(23, 'new')] }),
    )
    return lockOrReach.call(context, command)
  }
  await withEngine(context, 'remove', (request) => request('remove', { peer: 'asked for' }))
  const left = await StateFolder.open(state, vault).loadPeers()
  expect(left.map(({ name }) => name)).toEqual(['new'])
})
