/** Capabilities by name, as versions 0 and 1 write them: `name` or `name=value`, separated by spaces. */
export type Capabilities = ReadonlyMap<string, string | null>

const MAX_CAPABILITIES = 100

/** Of a repeated name (`symref`) the first value counts. Those beyond the hundredth are left out. */
export function decodeCapabilities(text: string): Capabilities {
  const found = new Map<string, string | null>()
  for (const word of text.split(' ').filter((word) => word !== '')) {
    if (found.size === MAX_CAPABILITIES) break
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    if (!found.has(name)) found.set(name, equals < 0 ? null : word.slice(equals + 1))
  }
  return found
}

export function encodeCapabilities(capabilities: Iterable<readonly [string, string | null]>): string {
  return [...capabilities].map(([name, value]) => (value === null ? name : `${name}=${value}`)).join(' ')
}
