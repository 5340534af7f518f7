import type { Plugin } from 'obsidian'
import {
  damagedName,
  MAX_DATA_LENGTH,
  readData,
  readShares,
  withPeers,
  withSettings,
  withShares,
} from '../../ports/data-file.ts'
import type { DataReading, JsonObject } from '../../ports/data-file.ts'
import type { DataStore, PeerRecord } from '../../ports/data-store.ts'
import { StateError } from '../../ports/errors.ts'
import type { ShareRecord, ShareStore } from '../../ports/share-record.ts'
import type { EndpointId } from '../../ports/transport.ts'
import { Mutex } from '../memory/mutex.ts'
import { shownText } from './vault-access.ts'
import type { VaultDisk } from './vault-app.ts'

export interface DataStoreOptions {
  readonly plugin: Pick<Plugin, 'loadData' | 'saveData'>
  readonly disk: Pick<VaultDisk, 'exists' | 'list' | 'readBinary' | 'stat' | 'writeBinary'>
  /** The plugin's own folder, a vault path (`manifest.dir`). */
  readonly folder: string
  /** Whose list of peers is read (P6). */
  readonly self: EndpointId
  /** A sentence for people about what could not be read. The same one comes once. */
  readonly onNotice?: (sentence: string) => void
}

const NAME = 'data.json'

/**
 * The plugin's `data.json`: paired devices and shared folders beside settings (C2). Each change is made on what the file holds at that moment, one
 * after the other, so that nothing is lost that somebody else wrote there. A file that cannot be read is copied aside before
 * anything is written in its place.
 */
export class ObsidianDataStore implements DataStore, ShareStore {
  readonly #options: DataStoreOptions
  readonly #writing = new Mutex()
  readonly #told = new Set<string>()
  #good: Extract<DataReading, { kind: 'good' }>

  private constructor(options: DataStoreOptions) {
    this.#options = options
    this.#good = asGood({}, options.self)
  }

  /** @throws StateError `newer-version`; `damaged` when the damaged file cannot be copied aside: then it stays as it is. */
  static async open(options: DataStoreOptions): Promise<ObsidianDataStore> {
    const store = new ObsidianDataStore(options)
    await store.reload()
    return store
  }

  /** What is set, as it is stored: whoever reads it judges each value. */
  settings(): JsonObject {
    return this.#good.settings
  }

  async loadPeers(): Promise<readonly PeerRecord[]> {
    return this.#good.peers
  }

  /** @throws StateError `newer-version`, `damaged`; what Obsidian throws when it cannot write */
  savePeers(peers: readonly PeerRecord[]): Promise<void> {
    return this.#change((data) => withPeers(data, this.#options.self, peers))
  }

  async loadShares(): Promise<readonly ShareRecord[]> {
    return readShares(this.#good.data, this.#options.self)
  }

  /** Throws like {@link savePeers}. */
  saveShares(shares: readonly ShareRecord[]): Promise<void> {
    return this.#change((data) => withShares(data, this.#options.self, shares))
  }

  /** undefined takes a value back. Throws like {@link savePeers}. */
  saveSettings(change: JsonObject): Promise<void> {
    return this.#change((data) => withSettings(data, change))
  }

  /** Reads the file again: for `onExternalSettingsChange`. Throws like {@link open}. */
  async reload(): Promise<void> {
    await this.#writing.run(() => this.#read())
  }

  #change(change: (data: JsonObject) => JsonObject): Promise<void> {
    return this.#writing.run(async () => {
      await this.#read()
      const data = change(this.#good.data)
      await this.#options.plugin.saveData(data)
      this.#good = asGood(data, this.#options.self)
    })
  }

  async #read(): Promise<void> {
    const reading = await this.#readFile()
    switch (reading.kind) {
      case 'good':
        this.#good = reading
        for (const problem of reading.problems) this.#tell(`${problem[0]!.toUpperCase()}${problem.slice(1)}.`)
        return
      case 'newer':
        throw new StateError(
          'newer-version',
          `The plugin's settings were written by a newer version (${reading.version}). Update the plugin on this device.`,
        )
      case 'damaged': {
        const name = await this.#setAside(reading.why)
        await this.#options.plugin.saveData(reading.rest)
        this.#good = asGood(reading.rest, this.#options.self)
        this.#tell(
          `The plugin's settings could not be read, because ${reading.why}. The file is kept as “${name}” in the plugin's folder. Devices and settings that are missing have to be paired and set again.`,
        )
      }
    }
  }

  async #readFile(): Promise<DataReading> {
    const { plugin, disk, folder, self } = this.#options
    const file = `${folder}/${NAME}`
    const stat = await disk.stat(file)
    if (!stat) return asGood({}, self)
    if (stat.size > MAX_DATA_LENGTH) return { kind: 'damaged', why: 'the file is too large', rest: {} }
    const data: unknown = await plugin.loadData().catch(() => null)
    if (data !== null && data !== undefined) return readData(data, self)
    // Obsidian says the same of a file that is not there and of one that it cannot read or parse.
    try {
      return readData(JSON.parse(shownText(new Uint8Array(await disk.readBinary(file)))), self)
    } catch (cause) {
      return { kind: 'damaged', why: `it is no JSON (${(cause as Error).message})`, rest: {} }
    }
  }

  async #setAside(why: string): Promise<string> {
    const { disk, folder } = this.#options
    try {
      const { files } = await disk.list(folder)
      const taken = new Set(files.map((path) => path.slice(path.lastIndexOf('/') + 1)))
      const name = damagedName(NAME, (one) => taken.has(one))
      await disk.writeBinary(`${folder}/${name}`, await disk.readBinary(`${folder}/${NAME}`))
      return name
    } catch (cause) {
      throw new StateError(
        'damaged',
        `The plugin's settings could not be read, because ${why}, and could not be copied aside. They stay as they are: free some space, or remove ${folder}/${NAME}.`,
        { path: `${folder}/${NAME}` },
        { cause },
      )
    }
  }

  #tell(sentence: string): void {
    if (this.#told.has(sentence)) return
    this.#told.add(sentence)
    this.#options.onNotice?.(sentence)
  }
}

function asGood(data: JsonObject, self: EndpointId): Extract<DataReading, { kind: 'good' }> {
  const reading = readData(data, self)
  return reading.kind === 'good' ? reading : { kind: 'good', data: {}, settings: {}, peers: [], problems: [] }
}
