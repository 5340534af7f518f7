import type { EventRef, TAbstractFile } from 'obsidian'
import { vaultPathProblem } from '../../objects/vault-path.ts'
import type { VaultPath } from '../../objects/vault-path.ts'
import type { WatchEvent } from '../../ports/vault-files.ts'
import type { VaultAccess } from './vault-access.ts'
import { walkFolder } from './vault-walk.ts'

/** Obsidian tells nothing of its config folder: it is looked at this often, ms, and when the window gets the focus. */
const CONFIG_POLL_MS = 60_000

/**
 * Hints of what changed, from Obsidian's events for what it shows and by looking for what it does not. Nothing is left out, own
 * writes are told too (E4).
 */
export class VaultWatch {
  readonly #access: VaultAccess
  readonly #onEvent: (event: WatchEvent) => void
  readonly #refs: EventRef[] = []
  #cancelPoll: (() => void) | undefined
  #stopFocus: (() => void) | undefined
  /** Size and time by path; undefined until it was read once. */
  #config: ReadonlyMap<VaultPath, string> | undefined
  #looking = false
  #stopped = false

  constructor(access: VaultAccess, onEvent: (event: WatchEvent) => void) {
    this.#access = access
    this.#onEvent = onEvent
  }

  /** `onFocus`: calls back when the window gets the focus. `registerEvent`: hears of every listener, for a plugin that is unloaded in haste. */
  async start(
    registerEvent: (ref: EventRef) => void,
    onFocus: ((then: () => void) => () => void) | undefined,
  ): Promise<void> {
    const { app, inScope } = this.#access
    const late = !app.workspace.layoutReady
    // Earlier, every file of the vault would come as new.
    app.workspace.onLayoutReady(() => {
      if (this.#stopped) return
      this.#listen(registerEvent)
      if (late) this.#onEvent({ kind: 'rescan' })
    })
    if (!inScope(app.vault.configDir)) return
    this.#config = await this.#readConfig()
    if (this.#stopped) return
    this.#stopFocus = onFocus?.(() => void this.#lookAtConfig())
    this.#pollLater()
  }

  stop(): void {
    this.#stopped = true
    for (const ref of this.#refs) this.#access.app.vault.offref(ref)
    this.#refs.length = 0
    this.#cancelPoll?.()
    this.#stopFocus?.()
  }

  #listen(registerEvent: (ref: EventRef) => void): void {
    const { vault } = this.#access.app
    const isFile = (file: TAbstractFile): boolean => vault.getFileByPath(file.path) !== null
    this.#refs.push(
      // A folder is told by what lies in it.
      vault.on('create', (file) => isFile(file) && this.#tell([file.path])),
      vault.on('modify', (file) => this.#tell([file.path])),
      vault.on('delete', (file) => this.#tell([file.path])),
      vault.on('rename', (file, oldPath) => this.#tell([oldPath, file.path])),
    )
    for (const ref of this.#refs) registerEvent(ref)
  }

  #tell(paths: readonly string[]): void {
    const visible = paths
      .map((path) => path.normalize('NFC'))
      .filter((path) => this.#access.inScope(path) && vaultPathProblem(path) === null)
    if (visible.length > 0 && !this.#stopped) this.#onEvent({ kind: 'paths', paths: visible as VaultPath[] })
  }

  #pollLater(): void {
    if (this.#stopped) return
    this.#cancelPoll = this.#access.clock.after(CONFIG_POLL_MS, () => {
      void this.#lookAtConfig().finally(() => this.#pollLater())
    })
  }

  async #lookAtConfig(): Promise<void> {
    if (this.#looking || this.#stopped) return
    this.#looking = true
    try {
      const now = await this.#readConfig()
      if (!now) return
      const before = this.#config ?? new Map<VaultPath, string>()
      this.#config = now
      const changed = [...now].filter(([path, state]) => before.get(path) !== state).map(([path]) => path)
      this.#tell([...changed, ...[...before.keys()].filter((path) => !now.has(path))])
    } finally {
      this.#looking = false
    }
  }

  /** Undefined while a part of it cannot be read: then nothing is said to be gone. */
  async #readConfig(): Promise<ReadonlyMap<VaultPath, string> | undefined> {
    const { files, errors } = await walkFolder(this.#access, this.#access.app.vault.configDir)
    if (errors.length > 0) return undefined
    return new Map(files.map(({ path, size, mtimeMs }) => [path, `${size} ${mtimeMs}`]))
  }
}
