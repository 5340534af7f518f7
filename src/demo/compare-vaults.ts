import { open, type FileHandle } from 'node:fs/promises'
import { walkVault, type WalkedFile } from './vault-walk.ts'

export interface VaultDifference {
  readonly path: string
  readonly kind: 'only-left' | 'only-right' | 'different'
}

export interface VaultComparison {
  readonly same: boolean
  /** Of the left vault. */
  readonly files: number
  readonly bytes: number
  readonly differences: readonly VaultDifference[]
}

/** Per file and side: large attachments are never held whole. */
const CHUNK_BYTES = 1 << 20

/**
 * Compares two folders byte for byte, as far as they are synced (`walkVault`). Empty folders do not count: git knows none.
 * Names that differ in Unicode normalisation only are one name.
 */
export async function compareVaults(left: string, right: string): Promise<VaultComparison> {
  const [ours, theirs] = await Promise.all([walkVault(left), walkVault(right)])
  // What cannot be read cannot be called the same.
  const differences: VaultDifference[] = [...ours.leftOut, ...theirs.leftOut].map(({ path }) => ({
    path,
    kind: 'different',
  }))
  const others = new Map(theirs.files.map((file) => [file.path, file]))
  let bytes = 0
  for (const file of ours.files) {
    bytes += file.bytes
    const other = others.get(file.path)
    others.delete(file.path)
    if (!other) differences.push({ path: file.path, kind: 'only-left' })
    else if (!(await isSameContent(file, other))) differences.push({ path: file.path, kind: 'different' })
  }
  for (const path of others.keys()) differences.push({ path, kind: 'only-right' })
  return { same: differences.length === 0, files: ours.files.length, bytes, differences }
}

async function isSameContent(one: WalkedFile, other: WalkedFile): Promise<boolean> {
  if (one.bytes !== other.bytes) return false
  const size = Math.min(CHUNK_BYTES, one.bytes + 1)
  const chunks = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)] as const
  const left = await open(one.file)
  try {
    const right = await open(other.file)
    try {
      for (;;) {
        const [a, b] = await Promise.all([readFully(left, chunks[0]), readFully(right, chunks[1])])
        if (!a.equals(b)) return false
        if (a.length < size) return true
      }
    } finally {
      await right.close()
    }
  } finally {
    await left.close()
  }
}

/** Fills the buffer unless the file ends before. */
async function readFully(file: FileHandle, into: Buffer): Promise<Buffer> {
  let filled = 0
  while (filled < into.length) {
    const { bytesRead } = await file.read(into, filled, into.length - filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return into.subarray(0, filled)
}
