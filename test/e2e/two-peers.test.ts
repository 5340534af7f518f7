import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aTestFolder, expectSoundHistory, twoDevices, untilInStep, type PeerFolders } from '../support/peer-folders.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { killLeftovers } from '../support/tandem-process.ts'

const NOTES = 400
const EDITS_EACH = 500

let folder: ReturnType<typeof aTestFolder>
let ada: PeerFolders
let bob: PeerFolders
beforeEach(async () => {
  folder = aTestFolder()
  ;[ada, bob] = await twoDevices(folder.path)
})
afterEach(async () => {
  await killLeftovers()
  folder.dispose()
})

const note = (number: number): string => `Folder ${number % 7}/Note ${number}.md`
const linesOf = (files: ReadonlyMap<string, Buffer>): Set<string> =>
  new Set([...files.values()].flatMap((content) => content.toString().split('\n')))

describe('two running peers', () => {
  it('[V6] converge after 1,000 edits in a burst on both sides, with every line there', async () => {
    for (let i = 0; i < NOTES; i++) ada.write(note(i), `# Note ${i}\n\nfirst line of ${i}\n`)
    for (const device of [ada, bob]) await device.start()
    await untilInStep([ada, bob], (files) => files.size === NOTES)

    const random = seededRandom(7)
    const written: string[] = []
    // In one go, so that no edit meets a write of the other side's: that would be the editor's fault, not a matter of sync.
    for (let edit = 0; edit < EDITS_EACH; edit++) {
      for (const device of [ada, bob]) {
        const line = `${device.name} wrote ${edit}`
        written.push(line)
        appendFileSync(join(device.vault, note(Math.floor(random.fraction() * NOTES))), `${line}\n`)
      }
    }
    const files = await untilInStep([ada, bob], (files) => {
      const lines = linesOf(files)
      return written.every((line) => lines.has(line))
    })
    for (let i = 0; i < NOTES; i++) expect(linesOf(files)).toContain(`first line of ${i}`)
    for (const device of [ada, bob]) await device.stop()
    for (const device of [ada, bob]) expectSoundHistory(device)
  }, 120_000)

  it('[E5] an edit made while the other was down arrives at its return, both ways', async () => {
    ada.write('Note.md', 'top\n\nmiddle\n\nbottom\n')
    for (const device of [ada, bob]) await device.start()
    await untilInStep([ada, bob], (files) => files.size === 1)
    await bob.stop()
    ada.write('Note.md', 'top of ada\n\nmiddle\n\nbottom\n')
    ada.write('New.md', 'while you were out\n')
    bob.write('Note.md', 'top\n\nmiddle\n\nbottom of bob\n')
    await bob.start()
    const files = await untilInStep([ada, bob], (files) => files.size === 2)
    expect(files.get('Note.md')!.toString()).toBe('top of ada\n\nmiddle\n\nbottom of bob\n')
    expect(files.get('New.md')!.toString()).toBe('while you were out\n')
    await Promise.all([ada.stop(), bob.stop()])
    bob.remove('New.md')
    await Promise.all([ada.start(), bob.start()])
    await untilInStep([ada, bob], (files) => files.size === 1)
    await Promise.all([ada.stop(), bob.stop()])
    for (const device of [ada, bob]) expectSoundHistory(device)
  }, 60_000)
})
