/**
 * Called by the memory stores before each operation takes effect, and once more as `<operation>:done` after a durable one did.
 * It may throw (the operation fails; after `:done` it fails although it took effect, like a power cut before the answer) or return
 * a promise that the operation waits for. To stop a device dead, let it throw from then on and open its disk anew.
 */
export type Faults = (operation: string) => void | Promise<void>

export const noFaults: Faults = () => undefined
