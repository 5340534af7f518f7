import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SharesResult } from '../../src/cli/share-operations.ts'
import { callControl } from '../../src/cli/control-client.ts'
import { runGit } from '../support/git.ts'
import { aTestFolder, PeerFolders } from '../support/peer-folders.ts'
import { awaitThat, killLeftovers } from '../support/tandem-process.ts'

let folder: ReturnType<typeof aTestFolder>
let ada: PeerFolders
let bob: PeerFolders
beforeEach(async () => {
  folder = aTestFolder()
  ada = await new PeerFolders(folder.path, 'ada').init()
  bob = await new PeerFolders(folder.path, 'bob').init()
  ada.write('Diary.md', 'secret\n')
  ada.write('Projects/Plan/note.md', 'the plan\n')
  ada.write('Projects/Other/note.md', 'another one\n')
  bob.write('Mine.md', 'of Bob\n')
})
afterEach(async () => {
  await killLeftovers()
  folder.dispose()
})

const holds = (device: PeerFolders, path: string, text: string) =>
  awaitThat(
    () => existsSync(join(device.vault, path)) && device.read(path) === text,
    () => `${device.name} holds ${path}; it has ${[...device.files().keys()].join()}`,
  )
const inStep = () => awaitThat(async () => (await ada.isInStep()) && (await bob.isInStep()), 'in step')
const paths = (device: PeerFolders) => [...device.files().keys()]
const sharesOf = async (device: PeerFolders) => (await callControl(device.state, 'shares', {})) as SharesResult

/** A link to a folder share, by devices that do not run, and the pairing over it. */
async function pairOver(name: string, args: readonly string[], into: readonly string[]): Promise<void> {
  const inviting = ada.spawn('invite', ['--json', '--yes', '--share', name, ...args])
  const { link } = await inviting.waitFor((event) => typeof event.link === 'string', 'a link')
  expect(String(link)).not.toMatch(/Projects/)
  await bob.must('join', String(link), '--json', '--yes', ...into)
  expect((await inviting.ended).code, inviting.stderr).toBe(0)
}

describe('one folder with somebody else', () => {
  it('[V1] [S1] comes to where they chose, goes both ways, and no other name of the vault is ever learnt', async () => {
    // A folder within a folder, both new, may go unwatched by the system's watcher, whatever share it is in.
    bob.write('Shared/Mine, too.md', 'of Bob\n')
    const { lines } = await ada.must('share', 'Projects/Plan', '--json')
    const id = String(lines[0]!.id)
    await pairOver('Projects/Plan', [], ['--into', 'Shared/Plan'])
    await ada.start()
    await bob.start()
    await holds(bob, 'Shared/Plan/note.md', 'the plan\n')
    await inStep()
    bob.write('Shared/Plan/note.md', 'the plan\nby Bob\n')
    await holds(ada, 'Projects/Plan/note.md', 'the plan\nby Bob\n')
    ada.write('Projects/Plan/deep/er.md', 'deeper\n')
    await holds(bob, 'Shared/Plan/deep/er.md', 'deeper\n')
    await inStep()
    expect(paths(bob)).toEqual(['Mine.md', 'Shared/Mine, too.md', 'Shared/Plan/deep/er.md', 'Shared/Plan/note.md'])
    await ada.stop()
    await bob.stop()
    // Stock git finds the folder's history sound, and nothing of the rest of the vault in it.
    const repository = join(bob.state, 'shares', id, 'repository')
    runGit(repository, ['fsck', '--strict', '--no-dangling'])
    const listed = runGit(repository, ['log', '--all', '--name-only', '--format=%an %s']).toString()
    expect(listed).toMatch(/note\.md/)
    expect(listed).not.toMatch(/Diary|Projects|Other|Mine/)
    expect(runGit(ada.repository, ['show', 'main:Projects/Plan/note.md']).toString()).toBe('the plan\nby Bob\n')
    const state = readFileSync(join(bob.state, 'data.json'), 'utf8')
    expect(state).not.toMatch(/Projects/)
    for (const name of readdirSync(bob.state, { recursive: true })) expect(String(name)).not.toMatch(/Projects|Diary/)
  }, 120_000)

  it('[S5] read-only: their changes stay with them, and they are told', async () => {
    await ada.must('share', 'Projects/Plan')
    await pairOver('Plan', ['--read-only'], [])
    await ada.start()
    await bob.start()
    await holds(bob, 'Plan/note.md', 'the plan\n')
    await inStep()
    bob.write('Plan/note.md', 'the plan\nmine\n')
    ada.write('Projects/Plan/second.md', 'second\n')
    await holds(bob, 'Plan/second.md', 'second\n')
    await awaitThat(async () => (await sharesOf(bob)).shares.some(({ unsent }) => unsent), 'told')
    expect((await bob.must('status')).stdout).toMatch(/Not sent: read-only\. What was changed in Plan stays here/)
    expect((await bob.must('shares')).stdout).toMatch(/read-only; changes made here are\s+not sent/)
    expect((await ada.must('shares')).stdout).toMatch(/bob \(read-only\)/)
    expect(ada.read('Projects/Plan/note.md')).toBe('the plan\n')
  }, 120_000)

  it('[S5] is granted to a paired device, accepted, taken back, and given again, while both run', async () => {
    await ada.must('share', 'Projects/Plan')
    await pairOver('Plan', [], [])
    await ada.start()
    await bob.start()
    await holds(bob, 'Plan/note.md', 'the plan\n')
    await ada.must('share', 'Projects/Other', '--title', 'The other one')
    await ada.must('grant', 'The other one', 'bob')
    await awaitThat(async () => (await sharesOf(bob)).offers.length === 1, 'offered')
    expect((await bob.must('shares')).stdout).toMatch(/ada shares “The other one” with this device/)
    await bob.must('accept', 'The other one', '--into', 'Other')
    await holds(bob, 'Other/note.md', 'another one\n')

    await ada.must('revoke', 'Projects/Other', 'bob')
    await awaitThat(async () => (await sharesOf(bob)).shares.some((s) => s.folder === 'Other' && !s.access), 'told')
    ada.write('Projects/Other/note.md', 'not for Bob\n')
    ada.write('Projects/Plan/note.md', 'for Bob\n')
    await holds(bob, 'Plan/note.md', 'for Bob\n')
    expect(bob.read('Other/note.md')).toBe('another one\n')
    expect((await bob.must('status')).stdout).toMatch(/Other: no longer shared with this device/)

    await ada.must('grant', 'Projects/Other', 'bob')
    await holds(bob, 'Other/note.md', 'not for Bob\n')
  }, 180_000)
})

describe('tandem unshare', () => {
  it('[S5] while both run: the receiver is told, and all files stay; and of one that was received', async () => {
    await ada.must('share', 'Projects/Plan')
    await ada.must('share', 'Projects/Other')
    await pairOver('Plan', [], [])
    await ada.start()
    await bob.start()
    await ada.must('grant', 'Other', 'bob')
    await awaitThat(async () => (await sharesOf(bob)).offers.length === 1, 'offered')
    await bob.must('accept', 'Other')
    await holds(bob, 'Other/note.md', 'another one\n')
    await holds(bob, 'Plan/note.md', 'the plan\n')
    const { stdout } = await ada.must('unshare', 'Projects/Plan')
    expect(stdout).toMatch(/Projects\/Plan is not shared any more/)
    await awaitThat(async () => (await sharesOf(bob)).shares.some((s) => s.folder === 'Plan' && !s.access), 'told')
    expect((await bob.must('status')).stdout).toMatch(/Plan: no longer shared with this device/)
    expect((await bob.must('unshare', 'Other')).stdout).toMatch(/Nothing comes to Other from others any more/)
    ada.write('Projects/Other/note.md', 'not wanted\n')
    ada.write('Projects/Plan/note.md', 'not for Bob\n')
    await awaitThat(async () => (await ada.isInStep()) && (await bob.isInStep()), 'at rest')
    expect([bob.read('Other/note.md'), bob.read('Plan/note.md')]).toEqual(['another one\n', 'the plan\n'])
    expect((await sharesOf(ada)).shares.map(({ folder }) => folder)).toEqual(['', 'Projects/Other'])
    expect((await sharesOf(bob)).offers.map(({ title }) => title)).toEqual(['Other'])
  }, 180_000)

  it('while nothing runs', async () => {
    const { lines } = await ada.must('share', 'Projects/Plan', '--json')
    expect((await ada.must('unshare', 'Plan', '--json')).lines.at(-1)).toMatchObject({
      event: 'unshared',
      id: lines[0]!.id,
      folder: 'Projects/Plan',
      from: null,
    })
    expect(existsSync(join(ada.state, 'shares', String(lines[0]!.id)))).toBe(false)
    expect(ada.read('Projects/Plan/note.md')).toBe('the plan\n')
    expect((await ada.must('shares')).stdout).not.toMatch(/Plan/)
  }, 60_000)
})

describe('commands about shares that make no sense', () => {
  it.each([
    [['unshare', 'Nothing'], 'unknown'],
    [['unshare', 'vault'], 'usage'],
    [['share', 'Nowhere'], 'bad-folder'],
    [['share', '../bob'], 'bad-folder'],
    [['share', '.'], 'bad-folder'],
    [['grant', 'Nothing', 'bob'], 'unknown'],
    [['grant', 'vault', 'nobody'], 'usage'],
    [['revoke', 'vault', 'nobody'], 'usage'],
    [['accept', 'Plan'], 'not-offered'],
    [['invite', '--share', 'Nothing'], 'unknown'],
  ])('%j ends with words and a code', async ([command, ...rest], code) => {
    const { code: exit, lines, stderr } = await ada.run(command!, ...rest, '--json')
    expect([exit, lines.at(-1)]).toMatchObject([2, { event: 'error', code }])
    expect(stderr).not.toMatch(/unexpected/)
  })
})
