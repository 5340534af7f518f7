import { closeSync, fsync, openSync } from 'node:fs'
import { promisify } from 'node:util'

const fsyncAsync = promisify(fsync)

interface Running {
  readonly current: Promise<void>
  /** Begins when `current` is over, for all who asked meanwhile. */
  next?: Promise<void>
}

/**
 * Makes folders' names durable, where the system can: else a power cut could undo what the index takes for done.
 * Whoever asks while a folder is being synced waits for the next sync of it, together with all others: each is answered by a sync
 * that began after its question.
 */
export class FolderSync {
  readonly #running = new Map<string, Running>()

  sync(disk: string): Promise<void> {
    if (process.platform === 'win32') return Promise.resolve()
    const running = this.#running.get(disk)
    return running ? (running.next ??= running.current.then(() => this.#start(disk))) : this.#start(disk)
  }

  #start(disk: string): Promise<void> {
    const running: Running = { current: syncNow(disk) }
    this.#running.set(disk, running)
    void running.current.then(() => {
      // Whoever waits starts the next one, which takes this one's place.
      if (!running.next) this.#running.delete(disk)
    })
    return running.current
  }
}

/** Never fails: some network file systems refuse; they keep no such promise at all. */
async function syncNow(disk: string): Promise<void> {
  let fd: number | undefined
  try {
    fd = openSync(disk, 'r')
    await fsyncAsync(fd)
  } catch {
    // See above.
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
