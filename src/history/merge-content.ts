import { decodeUtf8, encodeUtf8 } from '../objects/bytes.ts'
import { mergeJsonText } from './json-merge.ts'
import { mergeNote } from './note-merge.ts'
import { mergeAddedText, mergeText } from './text-merge.ts'
import type { TextMerge } from './text-merge.ts'

/**
 * The version of everything that decides what a merge looks like; it stands in each view commit's message (V3).
 * Raise it with any change after which some merge comes out differently.
 */
export const MERGE_RULES = 1

/** Larger files are never merged, both are kept: bytes. Nobody types a megabyte. */
export const MAX_MERGE_BYTES = 1024 * 1024

type MergeKind = (base: string, left: string, right: string) => TextMerge

/** How texts of a kind merge, by the name's extension (V7). Other text merges by lines and words. */
const KINDS: ReadonlyMap<string, MergeKind> = new Map([
  ['md', mergeNote],
  ['canvas', mergeJsonText],
  ['json', mergeJsonText],
])

/**
 * Merges two versions of one file by its kind (V7); null base: both sides added it. Null result: they don't merge, keep
 * both. Symmetric (V5), and nothing that either side added is left out (V6). Binaries never merge.
 */
export function mergeContent(
  path: string,
  base: Uint8Array | null,
  left: Uint8Array,
  right: Uint8Array,
): Uint8Array | null {
  const leftText = decodeText(left)
  const rightText = decodeText(right)
  if (leftText === null || rightText === null) return null
  const baseText = base === null ? null : decodeText(base)
  const merge = KINDS.get(extension(path)) ?? mergeText
  const merged = baseText === null ? mergeAddedText(leftText, rightText) : merge(baseText, leftText, rightText)
  return merged.clean ? encodeUtf8(merged.text) : null
}

/** The text, byte order mark included; null for what is no text: invalid UTF-8, or a NUL in it. */
export function decodeText(bytes: Uint8Array): string | null {
  return bytes.includes(0) ? null : (decodeUtf8(bytes) ?? null)
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1)
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase()
}
