import type { Oid } from '../objects/oid.ts'

/** A full ref name: `refs/devices/<endpoint id>`, `refs/heads/main`. */
export type RefName = `refs/${string}`
export type Refs = ReadonlyMap<RefName, Oid>

// Every file system can hold such a name with `.lock` behind its last part.
const LONGEST_REF_NAME = 1024
const LONGEST_REF_PART = 200
// Characters that git-check-ref-format(1) forbids anywhere: controls, space, and those with a meaning in revisions.
const FORBIDDEN = /[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\/\/|\/$|\.$/

const utf8 = new TextEncoder()

/** Whether git would take the name (git-check-ref-format(1)) and it lies below `refs/`. */
export function isRefName(name: string): name is RefName {
  if (!/^refs\/./.test(name) || name.length > LONGEST_REF_NAME || FORBIDDEN.test(name)) return false
  return name
    .split('/')
    .every((part) => !part.startsWith('.') && !part.endsWith('.lock') && utf8.encode(part).length <= LONGEST_REF_PART)
}

export interface RefStore {
  /** All refs, each name once. @throws StoreError `damaged` rather than leave out a ref that cannot be read. */
  list(): Promise<Refs>
  read(name: RefName): Promise<Oid | null>
  /**
   * Moves a ref from one value to another in one step; null stands for absent. Durable when it resolves.
   * False, and nothing changed, when the current value is not `from`.
   * @throws StoreError `bad-ref` when the name is none, or another ref is a folder of it or below it; `disk-full`, `unwritable`.
   */
  compareAndSwap(name: RefName, from: Oid | null, to: Oid | null): Promise<boolean>
}
