import { splitFrontmatter } from './frontmatter.ts'
import { mergeProperties } from './property-merge.ts'
import { mergeText } from './text-merge.ts'
import type { TextMerge } from './text-merge.ts'

/**
 * Merges two versions of a Markdown note: frontmatter by property, the rest as text (V7). When a side has no frontmatter,
 * or one that is not a plain list of properties, the whole note merges as text.
 */
export function mergeNote(base: string, left: string, right: string): TextMerge {
  if (left === right || right === base) return { clean: true, text: left }
  if (left === base) return { clean: true, text: right }
  const leftParts = splitFrontmatter(left)
  const rightParts = splitFrontmatter(right)
  // A note that had none when the two parted: each side's is new.
  const baseParts =
    splitFrontmatter(base) ??
    (base.startsWith('---') ? null : { open: '', properties: new Map(), close: '', body: base })
  if (!leftParts || !rightParts || !baseParts) return mergeText(base, left, right)

  const open = pick(baseParts.open, leftParts.open, rightParts.open)
  const close = pick(baseParts.close, leftParts.close, rightParts.close)
  const properties = mergeProperties(baseParts.properties, leftParts.properties, rightParts.properties)
  const body = mergeText(baseParts.body, leftParts.body, rightParts.body)
  if (open === null || close === null || properties === null || !body.clean) return { clean: false }
  return { clean: true, text: open + properties.join('') + close + body.text }
}

/** Three-way choice of something that cannot be mixed; null when both sides chose anew and differently. */
function pick(base: string, left: string, right: string): string | null {
  if (left === right || right === base) return left
  return left === base ? right : null
}
