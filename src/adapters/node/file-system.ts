import * as promises from 'node:fs/promises'

/** `node:fs/promises`, to be handed to what must not import it itself: code that also runs on a phone. */
export const fileSystem = promises
