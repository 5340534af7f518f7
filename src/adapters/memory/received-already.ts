import { CorruptObjectError } from '../../objects/errors.ts'
import type { LargeReception } from '../../ports/object-store.ts'

/** The reception of a blob that is here already: nothing to send. */
export function receivedAlready(size: number): LargeReception {
  return {
    received: size,
    async write() {
      throw new CorruptObjectError('bad-object', 'the whole blob is here already')
    },
    async finish() {},
    async pause() {},
  }
}
