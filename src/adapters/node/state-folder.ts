import * as fs from 'node:fs'
import { homedir } from 'node:os'
import * as path from 'node:path'
import { createHash } from 'node:crypto'
import {
  DATA_VERSION,
  isJsonObject,
  readData,
  readDataFile,
  readShares,
  withPeers,
  withShares,
  withSettings,
  type DataReading,
  type JsonObject,
} from '../../ports/data-file.ts'
import type { DataStore, PeerRecord } from '../../ports/data-store.ts'
import { StateError, VaultError } from '../../ports/errors.ts'
import type { ShareRecord, ShareStore } from '../../ports/share-record.ts'
import { isEndpointId, type EndpointId } from '../../ports/transport.ts'
import { readJson, setAside, writeJson } from './data-json.ts'
import { readDeviceSettings, type DeviceSettings } from './device-settings.ts'
import { readKey, writeKey } from './key-file.ts'
import { removeStaleTemporaries } from './temporary-files.ts'

/** The folder in the user's data folder that holds the state folders of this user's vaults. */
export function stateFoldersFolder(env: NodeJS.ProcessEnv = process.env): string {
  const home = homedir()
  const base =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? path.join(home, 'Library', 'Application Support')
        : (env.XDG_DATA_HOME ?? path.join(home, '.local', 'share'))
  return path.join(base, 'tandem')
}

/** Where a vault's state lies when nobody says otherwise: in the user's data folder, one folder per vault. */
export function defaultStateFolder(vault: string, env: NodeJS.ProcessEnv = process.env): string {
  const name =
    path
      .basename(vault)
      .replace(/[^\p{L}\p{N}._-]+/gu, '-')
      .slice(0, 40) || 'vault'
  const hash = createHash('sha256').update(vault).digest('hex').slice(0, 10)
  return path.join(stateFoldersFolder(env), `${name}-${hash}`)
}

/** The vault's real path. @throws VaultError `no-vault`, `not-a-folder`, `unreadable`. */
export function resolveVault(vault: string): string {
  try {
    const real = fs.realpathSync(vault)
    if (!fs.statSync(real).isDirectory())
      throw new VaultError('not-a-folder', `${vault} is a file, not a folder`, { path: vault })
    return real
  } catch (error) {
    if (error instanceof VaultError) throw error
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new VaultError('no-vault', `there is no folder ${vault}`, { path: vault }, { cause: error })
    throw new VaultError(
      'unreadable',
      `${vault} cannot be read: ${(error as Error).message}`,
      { path: vault },
      { cause: error },
    )
  }
}

export interface OpenOptions {
  /**
   * The id that belongs to a key: the key says who this device is, whatever stands in `data.json`. Without it the file is believed,
   * which does for reading.
   */
  readonly idOf?: (key: Uint8Array) => EndpointId
  /**
   * A damaged `data.json` is set aside, and a new one made of the key and of what can be read. Only for who holds the folder's lock.
   * The name is what the device is called when its own cannot be read.
   */
  readonly repair?: { readonly defaultName: string }
}

/**
 * The folder of everything that a headless device keeps outside the vault:
 *
 *   data.json     settings and paired devices (see ports/data-file.ts), and the vault that all this is for
 *   data.json.damaged-<n>   what was set aside
 *   device.key    the secret key, 64 hex digits, readable by the owner alone (P6)
 *   repository/   the bare git repository
 *   index/        the stat index
 *   shares/<id>/  repository/ and index/ of each folder share
 *   activity.jsonl, lock, control.sock
 *
 * Only the holder of the lock saves. Each save begins with the file as it is now, so that what a person changed in it meanwhile stays.
 */
export class StateFolder implements DataStore, ShareStore {
  /** Sentences about what was wrong with `data.json`, and what became of it. */
  readonly problems: string[] = []
  /** Hears of further ones, that come up at a save. */
  onProblem: (message: string) => void = () => undefined
  #data: JsonObject

  private constructor(
    readonly folder: string,
    readonly vault: string,
    readonly deviceId: EndpointId,
    readonly secretKey: Uint8Array,
    data: JsonObject,
  ) {
    this.#data = data
  }

  /** Makes the folder for a vault, or opens the one that is there, repairs it if need be, and takes the new name. */
  static init(
    folder: string,
    vault: string,
    options: {
      /** undefined: as it is, or the default. */
      name: string | undefined
      defaultName: string
      secretKey: () => Uint8Array
      idOf: (key: Uint8Array) => EndpointId
      configFolder: boolean | undefined
    },
  ): { state: StateFolder; created: boolean } {
    refuseInside(folder, vault)
    const { name, defaultName, idOf, configFolder } = options
    if (fs.existsSync(path.join(folder, 'data.json'))) {
      const state = StateFolder.open(folder, vault, { idOf, repair: { defaultName } })
      state.saveSettings({
        ...(name === undefined ? {} : { deviceName: name }),
        ...(configFolder === undefined ? {} : { configFolder }),
      })
      return { state, created: false }
    }
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    const keyFile = path.join(folder, 'device.key')
    const secretKey = fs.existsSync(keyFile) ? readKey(keyFile) : options.secretKey()
    if (!fs.existsSync(keyFile)) writeKey(keyFile, secretKey)
    const settings = { deviceName: name ?? defaultName, configFolder: configFolder ?? true }
    const data = newData(vault, idOf(secretKey), { settings })
    writeJson(path.join(folder, 'data.json'), data)
    return { state: new StateFolder(folder, vault, idOf(secretKey), secretKey, data), created: true }
  }

  /** @throws StateError `not-initialised`, `other-vault`, `newer-version`, `damaged`, `inside-vault`. */
  static open(folder: string, vault: string, { idOf, repair }: OpenOptions = {}): StateFolder {
    refuseInside(folder, vault)
    const file = path.join(folder, 'data.json')
    const json = readJson(file)
    if (json.kind === 'missing')
      throw new StateError('not-initialised', `there is no Tandem state for ${vault} in ${folder}`, {
        path: folder,
        vault,
      })
    const value = json.kind === 'parsed' ? json.value : undefined
    const owner = isJsonObject(value) && typeof value.deviceId === 'string' ? value.deviceId : ''
    refuseOther(isJsonObject(value) ? value : {}, folder, vault) // it may be fine there
    const key = readKey(path.join(folder, 'device.key'))
    const self = idOf ? idOf(key) : (owner as EndpointId)
    let reading = judge(readDataFile(json, self), folder)
    let repaired = ''
    if (reading.kind === 'damaged') {
      if (!repair || !idOf) throw new StateError('damaged', `${file} is damaged: ${reading.why}`, { path: file })
      const aside = setAside(file)
      const data = newData(vault, self, reading.rest, repair.defaultName)
      writeJson(file, data)
      const { why } = reading
      reading = judge(readData(data, self), folder)
      if (reading.kind === 'damaged')
        throw new StateError('damaged', `${file} is damaged: ${reading.why}`, { path: file })
      repaired = repairSentence(file, aside, why, reading)
    }
    removeStaleTemporaries(folder)
    const state = new StateFolder(folder, vault, self, key, reading.data)
    state.problems.push(...(repaired ? [repaired] : []), ...reading.problems, ...state.#readSettings().problems)
    return state
  }

  /** What only a headless device has. */
  get settings(): DeviceSettings {
    return this.#readSettings().settings
  }

  /** As they are stored: for `readSettings`, and for who wants to know what was chosen. */
  get storedSettings(): JsonObject {
    return isJsonObject(this.#data.settings) ? this.#data.settings : {}
  }

  #readSettings(): ReturnType<typeof readDeviceSettings> {
    return readDeviceSettings(this.storedSettings)
  }

  get repository(): string {
    return path.join(this.folder, 'repository')
  }

  get index(): string {
    return path.join(this.folder, 'index')
  }

  /** Where the history and the index of a folder share are. */
  shareFolder(id: string): { repository: string; index: string } {
    const folder = path.join(this.folder, 'shares', id)
    return { repository: path.join(folder, 'repository'), index: path.join(folder, 'index') }
  }

  get activityLog(): string {
    return path.join(this.folder, 'activity.jsonl')
  }

  /** Of either kind; undefined takes a value back to its default. What it does not name stays. @throws StateError, as `open`. */
  saveSettings(change: Partial<DeviceSettings> & JsonObject): void {
    this.#save((data) => withSettings(data, change))
  }

  async loadPeers(): Promise<readonly PeerRecord[]> {
    const reading = readData(this.#data, this.deviceId)
    return reading.kind === 'good' ? reading.peers : []
  }

  async savePeers(peers: readonly PeerRecord[]): Promise<void> {
    this.#save((data) => withPeers(data, this.deviceId, peers))
  }

  async loadShares(): Promise<readonly ShareRecord[]> {
    return readShares(this.#data, this.deviceId)
  }

  async saveShares(shares: readonly ShareRecord[]): Promise<void> {
    this.#save((data) => withShares(data, this.deviceId, shares))
  }

  #save(change: (data: JsonObject) => JsonObject): void {
    const file = path.join(this.folder, 'data.json')
    const data = change(this.#current(file))
    writeJson(file, data)
    this.#data = data
  }

  /** What lies there now, or what we know of when that is gone or damaged. */
  #current(file: string): JsonObject {
    const json = readJson(file)
    if (json.kind === 'missing') return this.#data
    const value = json.kind === 'parsed' ? json.value : undefined
    if (isJsonObject(value)) refuseOther(value, this.folder, this.vault)
    const reading = judge(readDataFile(json, this.deviceId), this.folder)
    if (reading.kind === 'good') return reading.data
    const message = `${file} was damaged meanwhile (${reading.why}) and is kept as ${setAside(file)}; everything in it that was known here was written anew`
    this.problems.push(message)
    this.onProblem(message)
    return this.#data
  }
}

/** A headless device's file says more than the least. @throws StateError `newer-version`. */
function judge(reading: DataReading, folder: string): Exclude<DataReading, { kind: 'newer' }> {
  if (reading.kind === 'newer')
    throw new StateError(
      'newer-version',
      `${folder} was written by a newer Tandem (state version ${reading.version})`,
      { path: folder },
    )
  if (reading.kind === 'damaged') return reading
  const { version, vault, deviceId } = reading.data
  const lacking = [
    version === undefined && 'the version',
    typeof vault !== 'string' && 'the vault',
    deviceId === undefined && 'the device id',
  ].filter(Boolean)
  return lacking.length ? { kind: 'damaged', why: `it lacks ${lacking.join(', ')}`, rest: reading.data } : reading
}

/** @throws StateError `other-vault`. Version first: who knows what a newer one means by "vault". */
function refuseOther({ version, vault: other }: JsonObject, folder: string, vault: string): void {
  if (typeof other !== 'string' || other === vault || (typeof version === 'number' && version > DATA_VERSION)) return
  throw new StateError('other-vault', `${folder} belongs to the vault ${other}, not to ${vault}`, {
    path: folder,
    vault: other,
  })
}

/** A whole file, of what there is of one. */
function newData(vault: string, self: EndpointId, rest: JsonObject, deviceName?: string): JsonObject {
  const stored = isJsonObject(rest.settings) ? rest.settings : {}
  const settings = deviceName === undefined || stored.deviceName !== undefined ? stored : { deviceName, ...stored }
  const owner = typeof rest.deviceId === 'string' && isEndpointId(rest.deviceId) ? rest.deviceId : self
  const own = { version: DATA_VERSION, vault, deviceId: owner, settings }
  return { ...own, peers: [], ...rest, ...own }
}

function repairSentence(file: string, aside: string, why: string, reading: { peers: readonly unknown[] }): string {
  const rest = reading.peers.length
    ? `What could be read of its settings and devices is in use: ${reading.peers.length} paired.`
    : 'Its settings have their defaults where they could not be read, and devices have to be paired again: tandem invite or tandem join.'
  return `${file} was damaged (${why}) and is kept as ${aside}. This device keeps its id, its history and the vault. ${rest}`
}

/** Wherever symbolic links lead. @throws StateError `inside-vault`. */
export function refuseInside(folder: string, vault: string): void {
  const relative = path.relative(vault, realPathOf(path.resolve(folder)))
  if (relative === '' || (relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative))) {
    throw new StateError('inside-vault', `the state folder ${folder} lies inside the vault`, { path: folder })
  }
}

/** Of a path that need not be there yet: what there is of it is followed. */
function realPathOf(folder: string): string {
  try {
    return fs.realpathSync(folder)
  } catch {
    const parent = path.dirname(folder)
    return parent === folder ? folder : path.join(realPathOf(parent), path.basename(folder))
  }
}
