import type { App, TFile } from 'obsidian'
import { MAX_MERGE_BYTES } from '../../history/merge-content.ts'
import { noteNameFor, type ConflictCopy } from './conflict-copies.ts'

/** Both versions as they are on the disk; text is null for what is none. */
export interface ConflictTexts {
  readonly copy: string | null
  /** Null also when the note itself is gone. */
  readonly original: string | null
  /** Sizes and times of both files: for what is no text, all that is known. */
  readonly stamp: string
}

export type Resolution =
  | { readonly kind: 'keep-original' }
  | { readonly kind: 'keep-copy' }
  | { readonly kind: 'keep-both' }
  | { readonly kind: 'edited'; readonly text: string }

/** `changed`: a file is not any more what the person saw, and nothing was touched. */
export type Resolved = 'resolved' | 'changed'

export async function readConflict({ vault }: App, { path, original }: ConflictCopy): Promise<ConflictTexts> {
  const [copyFile, originalFile] = [vault.getFileByPath(path), vault.getFileByPath(original)]
  const stampOf = (file: TFile | null): unknown => file && [file.stat.size, file.stat.mtime]
  return {
    copy: copyFile && (await readText(vault, copyFile)),
    original: originalFile && (await readText(vault, originalFile)),
    stamp: JSON.stringify([stampOf(copyFile), stampOf(originalFile)]),
  }
}

/**
 * Carries out what the person chose. The note is written in one step with the check that it still holds what was
 * seen; the copy goes to the trash last, so that at every moment both versions are there.
 */
export async function resolveConflict(
  app: App,
  copy: ConflictCopy,
  seen: ConflictTexts,
  resolution: Resolution,
): Promise<Resolved> {
  const now = await readConflict(app, copy)
  const copyFile = app.vault.getFileByPath(copy.path)
  const originalFile = app.vault.getFileByPath(copy.original)
  if (!copyFile || now.copy !== seen.copy || now.original !== seen.original) return 'changed'
  if (now.stamp !== seen.stamp && (now.copy === null || now.original === null)) return 'changed'
  if (copy.hasOriginal !== (originalFile !== null)) return 'changed'
  switch (resolution.kind) {
    case 'keep-original':
      await app.fileManager.trashFile(copyFile)
      return 'resolved'
    case 'keep-both': {
      const isTaken = (path: string) => app.vault.getAbstractFileByPath(path) !== null
      await app.fileManager.renameFile(copyFile, noteNameFor(copy, isTaken))
      return 'resolved'
    }
    case 'keep-copy':
      if (originalFile && seen.original !== null && seen.copy !== null)
        return replaceNote(app, originalFile, copyFile, seen.original, seen.copy)
      if (originalFile) await app.fileManager.trashFile(originalFile) // a picture or the like: it changes places with its copy
      await app.fileManager.renameFile(copyFile, copy.original)
      return 'resolved'
    case 'edited':
      if (!originalFile || seen.original === null) return 'changed'
      return replaceNote(app, originalFile, copyFile, seen.original, resolution.text)
  }
}

async function replaceNote(app: App, note: TFile, copy: TFile, seen: string, text: string): Promise<Resolved> {
  let written = false
  await app.vault.process(note, (now) => {
    written = now === seen
    return written ? text : now
  })
  if (!written) return 'changed'
  await app.fileManager.trashFile(copy)
  return 'resolved'
}

/** Null for what is no text, or more of it than anybody typed. */
async function readText(vault: App['vault'], file: TFile): Promise<string | null> {
  if (file.stat.size > MAX_MERGE_BYTES) return null
  const text = await vault.read(file)
  return text.includes('\0') || text.includes('\ufffd') ? null : text
}
