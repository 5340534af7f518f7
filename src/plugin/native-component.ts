import type { ComponentFolder, InstalledComponent } from '../adapters/iroh/component-folder.ts'
import type { ComponentCondition, ComponentFace } from '../ui/face.ts'
import type { DeviceStorage } from './device-storage.ts'

/** Which build was being loaded; still there at the next start only if the app did not survive it. */
const LOADING_KEY = 'tandem-sync-loading-component'

/**
 * The native network component as a person sees it: installed by their choice alone, never by itself, and not loaded again after
 * it took the app down.
 */
export class NativeComponent implements ComponentFace {
  readonly #version: string
  readonly #storage: DeviceStorage
  #folder: ComponentFolder | null = null
  #condition: ComponentCondition = { kind: 'missing' }
  /** After an installation or removal. */
  onChange: () => void = () => undefined

  /** `version`: of the component that this plugin was made for. */
  constructor(version: string, storage: DeviceStorage) {
    this.#version = version
    this.#storage = storage
  }

  /** Where it lies; null on a device that cannot run one. */
  use(folder: ComponentFolder | null): void {
    this.#folder = folder
    if (!folder?.offer) this.#condition = { kind: 'unsupported', message: UNSUPPORTED }
  }

  get offer(): ComponentFace['offer'] {
    const build = this.#folder?.offer
    if (!build) return null
    const { file, bytes, sha256 } = build
    return { file, bytes, sha256, source: `@number0/iroh-${file.split('.')[1]}@${this.#version}` }
  }

  /** As last checked. */
  get condition(): ComponentCondition {
    return this.#condition
  }

  /** Looks at the disk; null when there is nothing to load. Says why in `condition`. */
  async check(): Promise<InstalledComponent | null> {
    if (!this.#folder?.offer) return null
    try {
      const found = await this.#folder.find()
      if (!found) this.#condition = { kind: 'missing' }
      else if (this.#storage.loadLocalStorage(LOADING_KEY) === found.sha256)
        this.#condition = { kind: 'broken', message: CRASHED }
      else {
        this.#condition = { kind: 'installed', version: this.#version }
        return found
      }
    } catch (error) {
      this.#condition = { kind: 'broken', message: (error as Error).message }
    }
    return null
  }

  /** Has `load` load what was found, and remembers that this is being tried: an app that dies of it does not try again by itself. */
  async guarded<T>(found: InstalledComponent, load: () => Promise<T>): Promise<T> {
    this.#storage.saveLocalStorage(LOADING_KEY, found.sha256)
    try {
      return await load()
    } finally {
      this.#storage.saveLocalStorage(LOADING_KEY, null)
    }
  }

  async installFile(bytes: Uint8Array): Promise<void> {
    if (!this.#folder?.offer) throw new Error(UNSUPPORTED)
    this.#folder.install(bytes)
    this.#storage.saveLocalStorage(LOADING_KEY, null)
    this.onChange()
  }

  async remove(): Promise<void> {
    this.#folder?.remove()
    this.#condition = this.#folder?.offer ? { kind: 'missing' } : this.#condition
    this.onChange()
  }
}

const UNSUPPORTED =
  'There is no network component for this kind of device yet, so it cannot sync by itself. Notes, history and conflicts work; a desktop device or the headless peer can keep the same vault in step.'
const CRASHED =
  'Obsidian ended while the network component was being loaded, so it is not loaded again by itself. Install it again to try once more.'
