import type { GitObject } from './oid.ts'

/** Objects used lately, up to a number of bytes in all; the one not used for the longest time goes first. */
export class ObjectCache<Key> {
  private readonly maxBytes: number
  private readonly objects = new Map<Key, GitObject>()
  private bytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  get(key: Key): GitObject | undefined {
    const object = this.objects.get(key)
    if (object) {
      // A map keeps the order of insertion: the front is what was not used for the longest time.
      this.objects.delete(key)
      this.objects.set(key, object)
    }
    return object
  }

  set(key: Key, object: GitObject): void {
    if (object.content.length > this.maxBytes || this.objects.has(key)) return
    this.objects.set(key, object)
    this.bytes += object.content.length
    for (const [oldest, old] of this.objects) {
      if (this.bytes <= this.maxBytes) break
      this.objects.delete(oldest)
      this.bytes -= old.content.length
    }
  }
}
