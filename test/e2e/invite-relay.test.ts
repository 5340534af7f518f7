import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { decodePairingLink } from '../../src/peers/pairing-link.ts'
import { aTestFolder, PeerFolders } from '../support/peer-folders.ts'
import { TestRelay } from '../support/relay.ts'
import { killLeftovers, TandemProcess } from '../support/tandem-process.ts'

/** What `invite` waits for a relay at most, and what a busy machine adds to a process's start. */
const WAIT_MS = 3_000
const LOAD_MS = 20_000

const folder = aTestFolder()
let ada: PeerFolders
beforeAll(async () => void (ada = await new PeerFolders(folder.path, 'ada').init()))
afterEach(() => killLeftovers())
afterAll(() => folder.dispose())

async function invite(relay: string): Promise<{ process: TandemProcess; relay: string | undefined; ms: number }> {
  const startedAt = performance.now()
  const args = ['invite', ada.vault, '--state', ada.state, '--json', '--yes', '--no-lan', '--bind', '127.0.0.1:0']
  const process = new TandemProcess([...args, '--relay', relay])
  const { link } = await process.waitFor((event) => typeof event.link === 'string', 'a link', WAIT_MS + LOAD_MS)
  return { process, relay: decodePairingLink(String(link)).address.relay, ms: performance.now() - startedAt }
}

it('[P1] the link holds the relay of the one who invites', async () => {
  const relay = await TestRelay.start()
  try {
    const invited = await invite(relay.url)
    expect(invited.relay).toBe(`${relay.url}/`)
    expect((await invited.process.stop()).stderr).not.toMatch(/error/i)
  } finally {
    await relay.close()
  }
})

it('[P1] without the internet, invite with the public relays goes on with a link for the local network', async () => {
  const invited = await invite('default')
  expect(invited.relay).toBeUndefined()
  expect(invited.ms).toBeGreaterThanOrEqual(WAIT_MS) // it did wait
  expect((await invited.process.stop()).code).toBe(130)
})
