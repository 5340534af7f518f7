import { splitLines } from './text-merge.ts'

/** A note cut so that `open + the properties' blocks + close + body` is the note again. */
export interface NoteParts {
  /** The first `---` line, with a byte order mark if there is one. */
  readonly open: string
  /** Per top-level key its lines as they stand: the key's own and those that belong to it. In the note's order. */
  readonly properties: ReadonlyMap<string, string>
  /** The closing `---` line. */
  readonly close: string
  readonly body: string
}

const OPEN = /^\uFEFF?---[ \t]*\r?\n$/
const CLOSE = /^---[ \t]*(?:\r?\n)?$/
/** `key:` at the line's start. Keys in flow style, anchors, tags and complex keys are left to the text merge. */
const KEY = /^("[^"\\]*"|'[^']*'|[^\s\-?:,[\]{}#&*!|>'"%@`][^:#\r\n]*|-[^\s:#][^:#\r\n]*)[ \t]*:(?=[ \t\r\n]|$)/
/** Indented or empty lines, comments, and items of a list that is not indented belong to the key above. */
const CONTINUED = /^(?:[ \t]|\r?\n$|#|-[ \t\r\n])/

/** Cuts a note at its frontmatter; null when it has none, or one that is not a plain list of properties with distinct keys. */
export function splitFrontmatter(note: string): NoteParts | null {
  if (!/^\uFEFF?---/.test(note)) return null
  const lines = splitLines(note)
  const open = lines[0]!
  if (!OPEN.test(open)) return null
  const properties = new Map<string, string>()
  let key: string | null = null
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!
    if (CLOSE.test(line)) return { open, properties, close: line, body: lines.slice(i + 1).join('') }
    const next = KEY.exec(line)?.[1]?.trim()
    if (next !== undefined) {
      if (properties.has(next)) return null
      key = next
      properties.set(key, line)
    } else if (key !== null && CONTINUED.test(line)) properties.set(key, properties.get(key)! + line)
    else return null
  }
  return null
}
