import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callControl } from '../../src/cli/control-client.ts'
import { aTestFolder, PeerFolders, untilInStep } from '../support/peer-folders.ts'
import { killLeftovers, type TandemProcess } from '../support/tandem-process.ts'

let folder: ReturnType<typeof aTestFolder>
let ada: PeerFolders
let bob: PeerFolders
beforeEach(async () => {
  folder = aTestFolder()
  ;[ada, bob] = (await Promise.all(['ada', 'bob'].map((name) => new PeerFolders(folder.path, name).init()))) as [
    PeerFolders,
    PeerFolders,
  ]
})
afterEach(async () => {
  await killLeftovers()
  folder.dispose()
})

const linkOf = async (inviting: TandemProcess): Promise<string> =>
  String((await inviting.waitFor(({ link }) => typeof link === 'string', 'a link')).link)

describe('pairing', () => {
  it('works without a running up, with --yes for scripts, and tells both who the other is', async () => {
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const joined = await bob.must('join', await linkOf(inviting), '--json', '--yes')
    const invited = await inviting.ended
    expect(invited.code, invited.stderr).toBe(0)
    expect(invited.lines.map(({ event }) => event)).toEqual(['invitation', 'paired'])
    expect(invited.lines.at(-1)).toMatchObject({ event: 'paired', name: 'bob' })
    expect(joined.lines).toMatchObject([{ event: 'paired', name: 'ada' }])
    expect((await bob.must('peers', '--json')).lines).toMatchObject([{ name: 'ada', autoConnect: true }])
  })

  it('works through running ups, which are in step at once', async () => {
    ada.write('Note.md', 'hello\n')
    for (const device of [ada, bob]) await device.start()
    const inviting = ada.spawn('invite', ['--yes'])
    const [link] = await inviting.waitForText(/obsidian:\/\/\S+(?=\s)/)
    expect((await bob.must('join', link, '--yes')).stdout).toMatch(
      /^Paired with ada\.\nKeep the two in step.*tandem up \S+/,
    )
    expect((await inviting.ended).stdout).toMatch(/Paired with bob\./)
    const files = await untilInStep([ada, bob])
    expect([...files.keys()]).toEqual(['Note.md'])
    for (const device of [ada, bob]) await device.stop()
  })

  it('[P3] shows the same code on both sides, and waits for both', async () => {
    for (const device of [ada, bob]) await device.start()
    let code = ''
    const answers: Promise<unknown>[] = []
    const onEvent = (device: PeerFolders) => (event: unknown) => {
      const { question, code: shown } = event as { question?: string; code?: string }
      if (!question || !shown) return
      if (code) expect(shown).toBe(code)
      code = shown
      answers.push(callControl(device.state, 'answer', { question, accepted: true }))
    }
    const offered = new Promise<string>((resolve) => {
      const invited = callControl(ada.state, 'invite', {}, (event) => {
        const { link } = event as { link?: string }
        if (link) resolve(link)
        else onEvent(ada)(event)
      })
      answers.push(invited)
    })
    await expect(callControl(bob.state, 'join', { link: await offered }, onEvent(bob))).resolves.toMatchObject({
      paired: { name: 'ada' },
    })
    expect(code).toMatch(/^\d{3} \d{3}$/)
    await expect(Promise.all(answers)).resolves.toContainEqual({ answered: true })
  })

  it('[P3] asks on a terminal, shows the QR code there, and pairs after two times yes', async () => {
    const inviting = ada.spawn('invite', [], { terminal: true })
    const [link] = await inviting.waitForText(/obsidian:\/\/[\w?=&%.~-]+(?=\s)/)
    expect(inviting.stdout).toMatch(/\x1b\[38;5;16;48;5;231m[ ▀▄█]+/)
    const joining = bob.spawn('join', [link], { terminal: true })
    const [asked] = await Promise.all(
      [inviting, joining].map((one) => one.waitForText(/Does .*(\d{3} \d{3}).*too\? \[y\/N\]/)),
    )
    for (const one of [inviting, joining]) {
      expect(one.stdout).toContain(asked![1])
      one.child.stdin!.write('y\n')
    }
    for (const one of [inviting, joining]) expect((await one.ended).code, one.stdout).toBe(0)
    expect(joining.stdout).toMatch(/Paired.* with .*ada/)
  })

  it('a no of the joining side ends its join with 5; the link still works', async () => {
    const inviting = ada.spawn('invite', [], { terminal: true })
    const [link] = await inviting.waitForText(/obsidian:\/\/[\w?=&%.~-]+(?=\s)/)
    const joining = bob.spawn('join', [link], { terminal: true })
    await joining.waitForText(/\[y\/N\]/)
    joining.child.stdin!.write('n\n')
    expect((await joining.ended).code).toBe(5)
    await inviting.waitForText(/The other device did not go on\. The link still works\./)
    const again = bob.spawn('join', [link, '--yes', '--json'])
    await inviting.waitForText(/\[y\/N\][\s\S]*\[y\/N\]/)
    inviting.child.stdin!.write('y\n')
    expect((await again.ended).code, again.stderr).toBe(0)
    expect((await inviting.ended).code).toBe(0)
  })

  it.each([false, true])(
    'a no of the inviting side ends both with 5, and the link is gone (up runs: %s)',
    async (runs) => {
      if (runs) await ada.start()
      const inviting = ada.spawn('invite', [], { terminal: true })
      const [link] = await inviting.waitForText(/obsidian:\/\/[\w?=&%.~-]+(?=\s)/)
      const joining = bob.spawn('join', [link, '--yes', '--json'])
      await inviting.waitForText(/\[y\/N\]/)
      inviting.child.stdin!.write('n\n')
      const [invited, joined] = await Promise.all([inviting.ended, joining.ended])
      expect([invited.code, joined.code]).toEqual([5, 5])
      expect(invited.stdout).toMatch(/You said no/)
      expect(joined.lines.at(-1)).toMatchObject({ event: 'error', code: 'declined' })
      for (const device of [ada, bob]) expect((await device.must('peers', '--json')).lines).toEqual([])
      if (!runs) return
      expect((await bob.run('join', link, '--yes', '--json')).lines.at(-1)).toMatchObject({ code: 'mismatch' })
    },
  )

  it('without a terminal and without --yes it says so, and declines', async () => {
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const joined = await bob.run('join', await linkOf(inviting), '--json')
    expect(joined.code).toBe(2)
    expect(joined.lines).toMatchObject([
      { event: 'code', device: 'ada' },
      { event: 'error', code: 'needs-terminal' },
    ])
    expect((await inviting.stop()).code).toBe(130)
  }, 60_000)

  it.each([false, true])('Ctrl-C ends a waiting invite with 130, and the link is gone (up runs: %s)', async (runs) => {
    if (runs) await ada.start()
    const inviting = ada.spawn('invite', ['--json'])
    const link = await linkOf(inviting)
    const invited = await inviting.stop()
    expect(invited.code).toBe(130)
    expect(invited.lines.at(-1)).toMatchObject({ event: 'error', code: 'aborted' })
    expect(invited.stderr).toMatch(/the link no longer works/)
    if (!runs) await ada.start() // somebody is there to refuse
    const late = await bob.run('join', link, '--yes', '--json')
    expect(late.code).toBe(5)
    expect(late.lines.at(-1)).toMatchObject({ event: 'error', code: 'mismatch' })
    expect((await ada.must('peers', '--json')).lines).toEqual([])
  })

  it('[P1] a used link, one from this very device, and one of a device that is gone are refused in words', async () => {
    await ada.start()
    const inviting = ada.spawn('invite', ['--json', '--yes'])
    const link = await linkOf(inviting)
    const self = await ada.run('join', link, '--yes', '--json')
    expect(self.code).toBe(5)
    expect(self.lines.at(-1)).toMatchObject({ code: 'self', hint: 'Use it on the other device.' })
    await bob.must('join', link, '--yes')
    await inviting.ended
    const eve = await new PeerFolders(folder.path, 'eve').init()
    const used = await eve.run('join', link, '--yes', '--json')
    expect(used.code).toBe(5)
    expect(String(used.lines.at(-1)?.message)).toMatch(/used already, has expired, or was cancelled/)
  })
})
