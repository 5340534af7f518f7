/** Which objects a partial clone leaves out (git-rev-list(1), `--filter`). What was asked for by its oid is always sent. */
export type ObjectFilter =
  | { readonly kind: 'none' }
  | { readonly kind: 'no-blobs' }
  /** Blobs of this many bytes and more are left out. */
  | { readonly kind: 'blob-limit'; readonly size: number }
  | { readonly kind: 'no-trees' }

export const NO_FILTER: ObjectFilter = { kind: 'none' }

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** `blob:none`, `blob:limit=<n>[kmg]`, `tree:0`; undefined for any other, also for those that git knows. */
export function decodeFilter(spec: string): ObjectFilter | undefined {
  if (spec === 'blob:none') return { kind: 'no-blobs' }
  if (spec === 'tree:0') return { kind: 'no-trees' }
  const limit = /^blob:limit=(\d{1,12})([kmg]?)$/i.exec(spec)
  if (!limit) return undefined
  return { kind: 'blob-limit', size: Number(limit[1]) * UNITS[limit[2]!.toLowerCase()]! }
}

/** Whether git itself would read the spec, so that the refusal names the right reason. */
export function isKnownFilter(spec: string): boolean {
  return /^(?:blob:none|blob:limit=\d+[kmg]?|tree:\d+|sparse:oid=.+|object:type=(?:blob|tree|commit|tag)|combine:.+)$/i.test(
    spec,
  )
}

export function encodeFilter(filter: ObjectFilter): string | null {
  switch (filter.kind) {
    case 'none':
      return null
    case 'no-blobs':
      return 'blob:none'
    case 'blob-limit':
      return `blob:limit=${filter.size}`
    case 'no-trees':
      return 'tree:0'
  }
}
