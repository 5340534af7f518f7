/** `node:fs/promises`, to be handed to what must not import it itself: code that also runs on a phone. */
export * as fileSystem from 'node:fs/promises'
