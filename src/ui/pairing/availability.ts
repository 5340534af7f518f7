import type { SyncCondition } from '../face.ts'
import type { ErrorSentence } from '../words/error-sentence.ts'

/** Why nothing can be paired now. */
export function whyNoDevice(condition: SyncCondition): ErrorSentence {
  switch (condition.kind) {
    case 'starting':
    case 'running':
      return { what: 'Sync is still starting.', next: 'Try again in a moment.' }
    case 'paused':
      return { what: 'Sync is paused on this device.', next: 'Resume sync, then try again.' }
    case 'offline':
    case 'failed':
      return { what: condition.message, next: 'The settings of Tandem say more, under “Advanced”.' }
  }
}
