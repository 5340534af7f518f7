import { familyOf } from '../../history/conflict-name.ts'

/** A second version of a note that could not be joined with the first, beside it in the vault (V6). */
export interface ConflictCopy {
  readonly path: string
  /** The note that it is a copy of. */
  readonly original: string
  /** Whether that note is there. */
  readonly hasOriginal: boolean
  /** Who wrote the copy's version. */
  readonly device: string
  /** `2026-11-21 15:20` in the writer's own time zone. */
  readonly when: string
}

const MARK = / \(conflict ([^()]*) (\d{4}-\d\d-\d\d) (\d\d)(\d\d)\)(?: \d+)?(?:\.[^./]*)?$/

/** Whether a path may be that of a conflict copy: a quick look. */
export function isMarked(path: string): boolean {
  return path.includes(' (conflict ')
}

/** The conflict copies among the files of a vault, by path. */
export function conflictCopies(paths: Iterable<string>): ConflictCopy[] {
  const all = new Set(paths)
  const copies: ConflictCopy[] = []
  for (const path of all) {
    if (!isMarked(path)) continue // most files of a large vault
    const { folder, stem, extension } = familyOf(path)
    const original = folder + stem + extension
    const mark = original === path ? null : MARK.exec(path)
    if (!mark) continue
    const [, device, date, hours, minutes] = mark
    const when = `${date} ${hours}:${minutes}`
    copies.push({ path, original, hasOriginal: all.has(original), device: device!, when })
  }
  return copies.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** A free name for a copy that stays as a note of its own: `Plan (Phone).md`. */
export function noteNameFor(copy: ConflictCopy, taken: (path: string) => boolean): string {
  const { folder, stem, extension } = familyOf(copy.path)
  for (let count = 1; ; count++) {
    const path = `${folder}${stem} (${copy.device}${count > 1 ? ` ${count}` : ''})${extension}`
    if (!taken(path)) return path
  }
}

/** The last part of a path without what marks Markdown. */
export function noteTitle(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.md$/, '')
}
