import { expect, it } from 'vitest'
import type { StateFolder } from '../../src/adapters/node/state-folder.ts'
import type { EngineHost } from '../../src/cli/engine-host.ts'
import { deviceStatus } from '../../src/cli/status.ts'
import { TestNetwork } from '../support/two-devices.ts'

it('[E3] the status tells, as JSON, what waits for a yes: of the vault, and of a folder that is shared', async () => {
  const net = new TestNetwork()
  const device = net.device(1)
  for (let n = 0; n < 130; n++) device.write(`Folder/Note ${n}.md`, `text ${n}\n`)
  device.write('Keep.md', 'kept\n')
  await net.complete(device.start())
  const { id } = await net.complete(device.engine!.folders.create('Folder'))
  const state = { vault: '/vault', repository: '/state/repository' } as StateFolder
  const status = async () =>
    JSON.parse(
      JSON.stringify(await net.complete(deviceStatus({ device: device.engine!, state } as EngineHost))),
    ) as Awaited<ReturnType<typeof deviceStatus>>
  await net.until(() => device.engine!.isSettled, 'settled')
  expect(await status()).toMatchObject({
    settled: true,
    share: { consent: null },
    folders: [{ id, status: { consent: null } }],
  })

  const paths = Array.from({ length: 110 }, (_, n) => `Note ${n}.md`)
  for (const path of paths) device.disk.userDelete(`Folder/${path}`)
  await net.clock.advance(5_000)
  const found = await status()
  const waits = { direction: 'local', deletes: 110, overwrites: 0 }
  expect(found).toMatchObject({
    settled: false,
    share: { consent: waits },
    folders: [{ id, folder: 'Folder', status: { consent: waits } }],
  })
  expect(found.share!.consent!.paths).toHaveLength(100)
  expect(found.folders[0]!.status!.consent!.paths[0]).toMatch(/^Note \d+\.md$/)

  await net.complete(device.engine!.shares.get(id)!.answerConsent(true))
  expect(await status()).toMatchObject({
    settled: false,
    share: { consent: waits },
    folders: [{ status: { consent: null } }],
  })
  expect(await net.stop()).toBe(0) // L9
})
