import { encodeEntryHeader } from './pack.ts'

/**
 * An entry whose base is the entry that begins `distance` bytes before it in the same pack; in parts. The distance stands
 * big-endian in groups of 7 bits, to each of which but the last one is added, so that no distance has two forms.
 */
export function encodeOffsetDelta(distance: number, size: number, deflated: Uint8Array): Uint8Array[] {
  const bytes = [distance & 0x7f]
  for (let rest = Math.floor(distance / 128); rest > 0; rest = Math.floor(rest / 128)) {
    rest--
    bytes.unshift((rest & 0x7f) | 0x80)
  }
  return [encodeEntryHeader('ofs-delta', size), Uint8Array.from(bytes), deflated]
}
