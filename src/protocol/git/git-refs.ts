import type { Oid } from '../../objects/oid.ts'

/** A ref as a server shows it. */
export interface GitRef {
  /** `HEAD`, or a full name below `refs/`. */
  readonly name: string
  /** Null for a symbolic ref whose target does not exist yet ("unborn"). */
  readonly oid: Oid | null
  /** The name that a symbolic ref stands for. */
  readonly target?: string
  /** What an annotated tag leads to in the end. */
  readonly peeled?: Oid
}

/** Lines of refs that a client takes from a server, and their text in all. */
export const MAX_REFS = 100_000
export const MAX_REF_NAME = 4096
