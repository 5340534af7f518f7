/** A paragraph of running text: where a sentence can be added at its end. Offsets into the note. */
export interface PlainParagraph {
  readonly start: number
  /** Behind its last visible character. */
  readonly end: number
}

// Running text: begins with a letter, and is no table row, no inline field of Dataview, no line with a block id.
const PLAIN_LINE = /^\p{L}(?!.*\||.*::|.* \^[\w-]+\s*$)/u
const FENCE = /^\s*(```|~~~|\$\$|%%)/

/** The paragraphs of a Markdown note that are plain text all through, outside of frontmatter, code, formulas and comments. */
export function plainParagraphs(note: string): PlainParagraph[] {
  const found: PlainParagraph[] = []
  let start = -1
  let end = -1
  let isPlain = true
  let fence: string | null = note.startsWith('---') ? '---' : null
  const close = (): void => {
    if (start >= 0 && isPlain) found.push({ start, end })
    start = -1
    isPlain = true
  }
  let at = 0
  note.split('\n').forEach((raw, number) => {
    const line = raw.trimEnd()
    const marker = FENCE.exec(line)?.[1]
    if (fence !== null) {
      if (number > 0 && (fence === '---' ? line === '---' : marker === fence)) fence = null
    } else if (marker !== undefined) {
      isPlain = false
      if (line.indexOf(marker, line.indexOf(marker) + marker.length) < 0) fence = marker
    } else if (line === '') {
      close()
    } else {
      if (start < 0) start = at
      end = at + line.length
      if (!PLAIN_LINE.test(line)) isPlain = false
    }
    at += raw.length + 1
  })
  if (fence === null) close()
  return found
}

/** The note with `sentence` at the end of a paragraph. */
export function addSentence(note: string, { end }: PlainParagraph, sentence: string): string {
  return `${note.slice(0, end)} ${sentence}${note.slice(end)}`
}
