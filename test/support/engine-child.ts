/**
 * The whole engine opened and closed again and again in one process: `node --expose-gc <bundle> <vault> <state folder> <rounds>`.
 * In every fourth round a note is written and brought to the peer. After each round one line of JSON says what is left behind:
 *
 *     {"round": 1, "resources": [...], "files": 23, "synced": false}
 *
 * Then it has nothing left to do, and says every second what keeps it if it does not end.
 */
import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endpointIdOf } from '../../src/adapters/iroh/iroh-keys.ts'
import { StateFolder } from '../../src/adapters/node/state-folder.ts'
import { EngineHost } from '../../src/cli/engine-host.ts'
import { eventually } from './eventually.ts'

const [vault, stateFolder, rounds] = process.argv.slice(2) as [string, string, string]
const SYNC_EVERY = 4

/** What is open: files by path, sockets and pipes by kind. */
function openFiles(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '')]
    } catch {
      return [] // the one that listed the folder
    }
  })
}

process.stdout.write('') // opens it, which counts as a resource from then on
for (let round = 1; round <= Number(rounds); round++) {
  const state = StateFolder.open(stateFolder, vault, { idOf: endpointIdOf })
  const host = await EngineHost.open(state, { relay: 'off', lan: true }, { sync: true })
  await host.start({ watch: true })
  const synced = round % SYNC_EVERY === 1
  if (synced) {
    const note = join(vault, `round ${round}.md`)
    writeFileSync(note, `round ${round}\n`)
    await eventually(
      `round ${round} is in step`,
      () => {
        const [peer] = host.device.peerReports()
        const share = [...host.device.shares.values()][0]!
        return (peer?.current && share.tree.fileCount >= Math.ceil(round / SYNC_EVERY)) || undefined
      },
      { withinMs: 60_000 },
    )
  }
  await host.close()
  // A closed endpoint's ports are freed when it is collected.
  for (let i = 0; i < 10; i++) {
    await sleep(20)
    ;(globalThis as { gc?: () => void }).gc!()
  }
  const files = openFiles()
  const line = { round, synced, resources: process.getActiveResourcesInfo().sort(), files: files.length, open: files }
  await new Promise((done) => process.stdout.write(`${JSON.stringify(line)}\n`, done))
}
setInterval(() => {
  console.error(`still held by ${process.getActiveResourcesInfo().join(', ')}; open: ${openFiles().join(', ')}`)
}, 1_000).unref()
