import type { Oid } from '../objects/oid.ts'

/** Orders oids by their bytes; hex digits of equal length sort as the bytes do. */
export function compareOids(a: Oid, b: Oid): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The distinct oids, in byte order. */
export function sortedOids(oids: Iterable<Oid>): Oid[] {
  return [...new Set(oids)].sort(compareOids)
}

/** Orders text by UTF-16 units: the same on every device, unlike a locale's order. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
