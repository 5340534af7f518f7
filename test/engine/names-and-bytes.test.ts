import { describe, expect, it } from 'vitest'
import { VaultError } from '../../src/ports/errors.ts'
import { someNotes, twoDevices, twoDevicesWith } from '../support/devices.ts'
import { seededRandom } from '../support/seeded-random.ts'

const KEPT = { 'Keep.md': 'kept\n' }

describe('[E6] names', () => {
  it('a name that a disk keeps decomposed is one file, in NFC, everywhere', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT, { disk: { normalisation: 'nfd' } })
    const name = 'Übung é.md'.normalize('NFC')
    a.write({ [name]: 'from A\n' })
    await devices.pass(5_000)
    expect(b.read(name)).toBe('from A\n')
    b.write({ [name]: 'from A\nand from B\n' })
    await devices.pass(5_000)
    expect(Object.entries(a.vault()).map(([path, text]) => [path.normalize('NFC'), text])).toContainEqual([
      name,
      'from A\nand from B\n',
    ])
    expect(Object.keys(a.vault())).toHaveLength(2)
    expect(a.ownCommits()).toHaveLength(2)
  })

  it('two spellings of one name on a disk: one is synced, the other is shown and never deleted', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    const [nfc, nfd] = ['é.md'.normalize('NFC'), 'é.md'.normalize('NFD')]
    a.write({ [nfc]: 'composed\n', [nfd]: 'decomposed\n' })
    await devices.pass(10_000)
    expect(b.read(nfc)).toBe('composed\n')
    await devices.stop(a)
    await devices.start(a)
    expect(a.share.tree.issues.skipped).toHaveLength(1)
    expect(a.read(nfd)).toBe('decomposed\n')
    b.disk.userDelete(nfc)
    await devices.pass(10_000)
    // What is left on A is a file that was never synced: it is new, and nobody deleted it.
    expect(Object.values(a.vault())).toContain('decomposed\n')
  })

  it('case twins: a disk that folds case shows one and names the other; the source keeps both', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT, {}, { disk: { caseFolding: true } })
    a.write({ 'note.md': 'lower\n', 'Note.md': 'upper\n' })
    await devices.pass(10_000)
    expect(Object.keys(b.vault()).filter((path) => /note/i.test(path))).toHaveLength(1)
    expect(b.share.tree.issues.notHere).toHaveLength(1)
    const shown = Object.keys(b.vault()).find((path) => /note/i.test(path))!
    b.write({ [shown]: 'edited on B\n' })
    await devices.stop(b)
    await devices.start(b)
    await devices.pass(60_000)
    const other = shown === 'Note.md' ? 'note.md' : 'Note.md'
    expect(a.read(shown)).toBe('edited on B\n')
    expect(a.read(other)).toBe(other === 'Note.md' ? 'upper\n' : 'lower\n')
    expect(Object.keys(a.vault())).toHaveLength(3)
    // Once its twin is gone, the other one fits.
    a.disk.userDelete(shown)
    await devices.agree()
    expect(Object.keys(b.vault())).toEqual([other, 'Keep.md'].sort())
    expect(b.share.tree.issues.notHere).toEqual([])
  })

  it('a rename in case alone deletes nothing on a disk that folds case (pitfall 4)', async () => {
    const folding = { disk: { caseFolding: true } }
    for (const [x, y] of [
      [{}, folding],
      [folding, {}],
      [folding, folding],
    ]) {
      const { devices, a, b } = await twoDevicesWith({ ...KEPT, 'sub/note.md': 'text\n' }, x, y)
      a.disk.userRename('sub/note.md', 'sub/Note.md')
      await devices.agree()
      expect(b.vault()).toEqual({ ...KEPT, 'sub/Note.md': 'text\n' })
      b.write({ 'sub/Note.md': 'text\nmore\n' })
      await devices.agree()
      expect(a.vault()).toEqual({ ...KEPT, 'sub/Note.md': 'text\nmore\n' })
    }
  })

  it('names that Windows cannot hold stay in the tree, are shown as not on this device, and live on at the source', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT, {}, { files: { platform: 'windows' } })
    const odd = { 'What: why?.md': 'colon\n', 'dot.': 'trailing dot\n', 'sub/con.md': 'reserved\n' }
    a.write(odd)
    await devices.pass(10_000)
    expect(b.vault()).toEqual(KEPT)
    expect(b.share.tree.issues.notHere.map((issue) => issue.path).sort()).toEqual(Object.keys(odd).sort())
    b.write({ 'Keep.md': 'edited by B\n', 'New.md': 'new\n' })
    await devices.stop(b)
    await devices.start(b)
    await devices.pass(60_000)
    expect(a.vault()).toEqual({ ...odd, 'Keep.md': 'edited by B\n', 'New.md': 'new\n' })
    a.disk.userRename('What: why?.md', 'What and why.md')
    await devices.pass(10_000)
    expect(b.read('What and why.md')).toBe('colon\n')
    expect(b.share.tree.issues.notHere).toHaveLength(2)
  })

  it('a folder takes the place of a file, and a file that of a folder', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...KEPT, place: 'a file\n', 'folder/x.md': 'x\n' })
    a.disk.userDelete('place')
    a.write({ 'place/inside.md': 'inside\n' })
    a.disk.userDelete('folder')
    a.write({ folder: 'a file now\n' })
    await devices.agree()
    expect(b.vault()).toEqual({ ...KEPT, folder: 'a file now\n', 'place/inside.md': 'inside\n' })
  })
})

describe('[E7] contents', () => {
  it('a file in the place of a very large folder waits for the same yes as the deletions, and holds up nothing else', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...someNotes(60, 'Folder/Note '), 'Keep.md': 'kept\n' })
    a.disk.userDelete('Folder')
    a.write({ Folder: 'a file now\n', 'Keep.md': 'edited\n' })
    await devices.pass(10_000)
    expect(a.share.tree.consent).toMatchObject({ direction: 'local' })
    expect(a.share.lastError).toBeNull()
    expect(b.read('Keep.md')).toBe('edited\n')
    expect(Object.keys(b.vault())).toHaveLength(61)
    await devices.complete(a.share.answerConsent(true))
    await devices.pass(5_000)
    await devices.complete(b.share.answerConsent(true))
    await devices.agree()
    expect(b.vault()).toEqual({ Folder: 'a file now\n', 'Keep.md': 'edited\n' })
  })

  it('a file made where a folder could not be written, and a file in a folder where a file could not: both are kept', async () => {
    const beforeReplace = (path: string): void => {
      if (path.startsWith('One/')) throw new VaultError('unwritable', 'no', { path })
    }
    const { devices, a, b } = await twoDevicesWith({ 'Keep.md': 'kept\n' }, {}, { files: { beforeReplace } })
    b.disk.userMkdir('Two')
    a.write({ 'One/x.md': 'in the folder\n', Two: 'the file of A\n' })
    await devices.pass(10_000)
    expect(b.vault()).toEqual({ 'Keep.md': 'kept\n' })
    if (b.disk.find('One')) b.disk.userDelete('One')
    b.write({ One: 'the file of B\n', 'Two/y.md': 'in the other folder\n' })
    await devices.pass(60_000)
    expect(b.share.lastError).toBeNull()
    const texts = Object.values(a.vault()).sort()
    expect(texts).toEqual(['in the folder\n', 'in the other folder\n', 'kept\n', 'the file of A\n', 'the file of B\n'])
    expect(a.read('One/x.md')).toBe('in the folder\n')
    expect(a.read('Two/y.md')).toBe('in the other folder\n')
  })

  it('zero bytes, no extension, any bytes, emoji and long names arrive as they are', async () => {
    const random = seededRandom(7)
    const files: Record<string, Uint8Array> = {
      'empty.md': new Uint8Array(),
      LICENSE: new TextEncoder().encode('no extension\n'),
      'all.bin': Uint8Array.from({ length: 256 }, (_, i) => i),
      'random.png': random.bytes(100_000),
      'latin1.txt': Uint8Array.from([0xe4, 0xf6, 0xfc, 0x0d, 0x0a]),
      'bom.md': Uint8Array.from([0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0x62]),
      '🗒️ notes/👩‍👩‍👧 family.md': new TextEncoder().encode('👋\n'),
      [`${'long'.repeat(50)}.md`]: new TextEncoder().encode('long\n'),
    }
    const { devices, a, b } = await twoDevicesWith(files)
    expect(new Map([...b.disk.files()].sort())).toEqual(new Map(Object.entries(files).sort()))
    const changed = random.bytes(100_000)
    b.write({ 'random.png': changed, 'empty.md': 'no longer\n', LICENSE: '' })
    await devices.agree()
    expect(a.disk.files().get('random.png')).toEqual(changed)
    expect(a.read('LICENSE')).toBe('')
  })

  it(
    'a 20 MiB attachment that is cut in the middle goes on where it stopped, and is sent once',
    { timeout: 60_000 },
    async () => {
      const { devices, a, b } = twoDevices()
      const content = seededRandom(20).bytes(20 * 1024 * 1024)
      a.write({ ...KEPT, 'films/large.mp4': content })
      const cutsAt = [3, 7, 8, 15].map((mebibytes) => mebibytes * 1024 * 1024)
      let received = 0
      b.onOperation = (operation) => {
        if (operation !== 'objects.write') return
        const partial = [...b.objects.partials.values()][0]?.length ?? 0
        expect(partial).toBeGreaterThanOrEqual(received)
        received = partial
        if (partial < (cutsAt[0] ?? Infinity)) return
        cutsAt.shift()
        devices.network.cut(a.id, b.id)
      }
      await devices.start()
      await devices.agree()
      expect(cutsAt).toEqual([])
      b.onOperation = () => undefined
      expect(Buffer.compare(b.disk.files().get('films/large.mp4')!, content)).toBe(0)
      const { traffic } = b.engine!.peerReports()[0]!
      expect(traffic.bytesReceived).toBeLessThan(1.15 * content.length)
    },
  )

  it('a file that grows while it is read is committed whole in the end', async () => {
    const { devices, a, b } = await twoDevicesWith(KEPT)
    a.disk.duringNextRead('log.txt', () => a.disk.userWrite('log.txt', 'one\ntwo\n'))
    a.write({ 'log.txt': 'one\n' })
    await devices.agree()
    expect(b.read('log.txt')).toBe('one\ntwo\n')
  })

  it('a file that is emptied just before it is written again is not synced empty (pitfall 3)', async () => {
    const { devices, a, b } = await twoDevicesWith({ ...KEPT, 'Note.md': 'good content\n' })
    a.disk.duringNextRead('Note.md', () => a.disk.userWrite('Note.md', 'better content\n'))
    a.disk.userWrite('Note.md', '')
    await devices.agree()
    expect(b.read('Note.md')).toBe('better content\n')
    expect(a.history().has('')).toBe(false)
  })
})
