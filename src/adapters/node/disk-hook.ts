/** The calls that tests can meet: listing a folder, opening a file, reading it once it is open, and those that change the disk. */
export type DiskCall = 'list' | 'open' | 'read' | 'write' | 'sync' | 'replace' | 'trash'

/**
 * Tests' way in: runs just before such a call, with the true path on disk. What it throws counts as the call's own
 * failure, so an error with `code: 'ENOSPC'` is a full disk; what it does to the disk meanwhile is somebody else's race.
 * It is called synchronously right before `replace` and `trash`, after every check that is made before these.
 */
export type DiskHook = (call: DiskCall, diskPath: string) => void

export const noHook: DiskHook = () => undefined
