// C0 and C1 controls, line and paragraph separators, and the marks that turn the direction of writing.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/**
 * Text from outside (file names, device names, messages of a peer) made harmless for a terminal:
 * what could move the cursor, change colours or reorder the line is shown as `\u{1b}`.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (char) =>
    char === '\n' ? '\\n' : char === '\t' ? '\\t' : `\\u{${char.codePointAt(0)!.toString(16)}}`,
  )
}
