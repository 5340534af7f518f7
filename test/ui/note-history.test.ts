import { describe, expect, it } from 'vitest'
import { parseVaultPath } from '../../src/objects/vault-path.ts'
import { deletedNotes, noteVersions, restoreVersion, textNow, versionText } from '../../src/ui/history/note-history.ts'
import { HISTORY, HISTORY_NOTE } from '../support/obsidian/gallery-data.ts'
import { openGalleryShare } from '../support/obsidian/gallery-share.ts'

const NOTE = parseVaultPath(HISTORY_NOTE)

describe('the history of a note', () => {
  it('lists its versions, newest first, with who and when', async () => {
    const { share } = await openGalleryShare(HISTORY)
    const versions = await noteVersions(share.repository, NOTE)
    expect(versions.map(({ device }) => device)).toEqual(['Writing desk', 'Laptop', 'Studio', 'Writing desk'])
    const texts = await Promise.all(versions.map(({ oid }) => versionText(share.repository, oid!)))
    expect(texts.map((text) => text.kind === 'text' && text.text)).toEqual(
      [...HISTORY].reverse().map(({ files }) => files[HISTORY_NOTE]),
    )
  })

  it('[V6] brings an old version back, and keeps the one before', async () => {
    const { share, read } = await openGalleryShare(HISTORY)
    const first = (await noteVersions(share.repository, NOTE)).at(-1)!
    expect(await restoreVersion(share, NOTE, first.oid!)).toBe('restored')
    expect(read(HISTORY_NOTE)).toBe(HISTORY[0]!.files[HISTORY_NOTE])
    expect(await textNow(share, NOTE)).toBe(read(HISTORY_NOTE))
    const after = await noteVersions(share.repository, NOTE)
    expect([after.length, after[0]!.oid]).toEqual([5, first.oid])
    expect(await restoreVersion(share, NOTE, first.oid!)).toBe('same')
  })

  it('lists the notes that were deleted, latest first, and brings one back', async () => {
    const { share, read } = await openGalleryShare(HISTORY)
    const gone = await deletedNotes(share.repository)
    expect(gone.map(({ path, device }) => [path, device])).toEqual([
      ['Projects/Shed.md', 'Writing desk'],
      ['Old idea.md', 'Laptop'],
    ])
    await restoreVersion(share, gone[1]!.path, gone[1]!.oid)
    expect(read('Old idea.md')).toBe('A garden on the roof.\n')
    expect((await deletedNotes(share.repository)).map(({ path }) => path)).toEqual(['Projects/Shed.md'])
  })

  it('shows no text of what is none', async () => {
    const { share } = await openGalleryShare([{ device: 'A', at: 1, files: { 'a.bin': 'a\0b' } }])
    const [version] = await noteVersions(share.repository, 'a.bin')
    expect(await versionText(share.repository, version!.oid!)).toEqual({ kind: 'binary', bytes: 3 })
  })

  it('is empty for a vault without any history', async () => {
    const { share } = await openGalleryShare([])
    expect(await deletedNotes(share.repository)).toEqual([])
    expect(await noteVersions(share.repository, 'a.md')).toEqual([])
    expect(await textNow(share, parseVaultPath('a.md'))).toBeNull()
  })
})
