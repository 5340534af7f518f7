import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { aTestFolder, expectSoundHistory, PeerFolders, untilInStep } from '../support/peer-folders.ts'
import { killLeftovers, type JsonObject, type TandemProcess } from '../support/tandem-process.ts'

let folder: ReturnType<typeof aTestFolder>
let ada: PeerFolders
let bob: PeerFolders
/** Two vaults that both hold files, on devices that never ran. */
beforeEach(async () => {
  folder = aTestFolder()
  ;[ada, bob] = (await Promise.all(['ada', 'bob'].map((name) => new PeerFolders(folder.path, name).init()))) as [
    PeerFolders,
    PeerFolders,
  ]
  for (const device of [ada, bob]) {
    device.write('same.md', 'same\n')
    device.write(`only ${device.name}.md`, `${device.name}\n`)
    device.write('folder/differs.md', `by ${device.name}\n`)
  }
  ada.write('larger.md', 'one\n')
  bob.write('larger.md', 'one\ntwo\n')
})
afterEach(async () => {
  await killLeftovers()
  folder.dispose()
})

const adas = {
  event: 'comparison',
  onlyHere: 1,
  onlyThere: 1,
  same: 1,
  different: 2,
  paths: { onlyHere: ['only ada.md'], onlyThere: ['only bob.md'], different: ['folder/differs.md', 'larger.md'] },
}
const bobs = { ...adas, paths: { ...adas.paths, onlyHere: ['only bob.md'], onlyThere: ['only ada.md'] } }
const comparison = (lines: readonly JsonObject[]) => lines.find(({ event }) => event === 'comparison')
const linkOf = async (inviting: TandemProcess): Promise<string> =>
  String((await inviting.waitFor(({ link }) => typeof link === 'string', 'a link')).link)
const peersOf = async (device: PeerFolders) => (await device.must('peers', '--json')).lines

/** What both vaults hold once they are one: nothing is lost. */
async function expectOneVault(): Promise<void> {
  const files = await untilInStep([ada, bob])
  const text = (path: string) => files.get(path)?.toString()
  expect([text('same.md'), text('only ada.md'), text('only bob.md'), text('larger.md')]).toEqual([
    'same\n',
    'ada\n',
    'bob\n',
    'one\ntwo\n',
  ])
  const differing = [...files].filter(([path]) => path.startsWith('folder/differs')).map(([, text]) => String(text))
  expect(differing.sort()).toEqual(['by ada\n', 'by bob\n'])
  expect(files.size).toBe(6)
  for (const device of [ada, bob]) {
    await device.stop()
    expectSoundHistory(device)
  }
}

describe('pairing two vaults that both hold files', () => {
  it('[E9] shows the comparison with --yes, without a running up, and then makes one vault of them', async () => {
    const before = [ada, bob].map((device) => device.files())
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const joined = await bob.must('join', await linkOf(inviting), '--json', '--yes')
    const invited = await inviting.ended
    expect(invited.lines.map(({ event }) => event)).toEqual(['invitation', 'comparison', 'paired'])
    expect(joined.lines.map(({ event }) => event)).toEqual(['comparison', 'paired'])
    expect(comparison(invited.lines)).toMatchObject(adas)
    expect(comparison(joined.lines)).toMatchObject(bobs)
    expect([ada, bob].map((device) => device.files())).toEqual(before)
    for (const device of [ada, bob]) await device.start()
    await expectOneVault()
  }, 120_000)

  it.each(['ada', 'bob'])(
    '[E9] a no of %s leaves both vaults and both lists as they were',
    async (who) => {
      const before = [ada, bob].map((device) => device.files())
      const inviting = ada.spawn('invite', [], { terminal: true })
      const [link] = await inviting.waitForText(/obsidian:\/\/[\w?=&%.~-]+(?=\s)/)
      const joining = bob.spawn('join', [link], { terminal: true })
      const all = [
        ['ada', inviting],
        ['bob', joining],
      ] as const
      for (const [, one] of all) {
        await one.waitForText(/show the code/)
        one.child.stdin!.write('y\n')
      }
      for (const [name, one] of all) {
        await one.waitForText(/Bring the two vaults together\? Nothing is deleted.*\[y\/N\]/)
        expect(one.stdout).toContain('Only here 1 · only there 1 · the same 1 · different 2')
        expect(one.stdout).toMatch(new RegExp(`Only here: +only ${name}\\.md`))
        expect(one.stdout).toMatch(/Different: +folder\/differs\.md, larger\.md/)
      }
      for (const [name, one] of all) if (name !== who) one.child.stdin!.write('y\n')
      for (const [name, one] of all) if (name === who) one.child.stdin!.write('n\n')
      expect((await joining.ended).code, joining.stdout).toBe(5)
      if (who === 'bob') await inviting.waitForText(/The other device did not go on\. The link still works\./)
      const invited = await (who === 'bob' ? inviting.stop() : inviting.ended)
      if (who === 'ada') expect(invited.stdout).toMatch(/You said no/)
      expect([ada, bob].map((device) => device.files())).toEqual(before)
      for (const device of [ada, bob]) expect(await peersOf(device)).toEqual([])
    },
    120_000,
  )

  it('[E9] asks through running ups, too, and they merge after two times yes', async () => {
    for (const device of [ada, bob]) await device.start()
    const inviting = ada.spawn('invite', [], { terminal: true })
    const [link] = await inviting.waitForText(/obsidian:\/\/[\w?=&%.~-]+(?=\s)/)
    const joining = bob.spawn('join', [link], { terminal: true })
    for (const question of [/show the code/, /Bring the two vaults together\?/])
      for (const one of [inviting, joining]) {
        await one.waitForText(question)
        one.child.stdin!.write('y\n')
      }
    for (const one of [inviting, joining]) expect((await one.ended).code, one.stdout).toBe(0)
    await expectOneVault()
  }, 120_000)

  it('[E9] Ctrl-C while the comparison stands pairs nobody, although the other side has said yes', async () => {
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const joining = bob.spawn('join', [await linkOf(inviting)], { terminal: true })
    await joining.waitForText(/show the code/)
    joining.child.stdin!.write('y\n')
    expect(await inviting.waitFor(({ event }) => event === 'comparison', 'the comparison')).toMatchObject(adas)
    await joining.waitForText(/Bring the two vaults together\?/)
    joining.child.stdin!.write('\x03')
    expect((await joining.ended).code, joining.stdout).toBe(130)
    await inviting.stop()
    for (const device of [ada, bob]) expect(await peersOf(device)).toEqual([])
  }, 120_000)
})
