import * as fs from 'node:fs'
import { homedir } from 'node:os'
import * as path from 'node:path'
import { createHash } from 'node:crypto'
import type { DataStore, PeerRecord } from '../../ports/data-store.ts'
import { StateError, VaultError } from '../../ports/errors.ts'
import { isEndpointId, type EndpointId } from '../../ports/transport.ts'
import { replaceFile } from './durable-files.ts'
import { removeStaleTemporaries, temporaryName } from './temporary-files.ts'

/** Of the layout below; a folder of a newer one is left alone. */
const VERSION = 1

export interface DeviceSettings {
  readonly deviceName: string
  /** Whether the vault's config folder is synced (docs/decisions/0003). */
  readonly configFolder: boolean
  readonly maxPeers: number
  /** The sockets of the last run: asked for again, so that old tickets stay good. */
  readonly ports: { readonly ipv4?: number; readonly ipv6?: number }
}

const DEFAULTS: DeviceSettings = { deviceName: 'headless', configFolder: true, maxPeers: 16, ports: {} }

interface StateFile {
  readonly version: number
  readonly vault: string
  readonly deviceId: string
  readonly settings: Partial<DeviceSettings>
  readonly peers: readonly PeerRecord[]
}

/** Where a vault's state lies when nobody says otherwise: in the user's data folder, one folder per vault. */
export function defaultStateFolder(vault: string, env: NodeJS.ProcessEnv = process.env): string {
  const home = homedir()
  const base =
    process.platform === 'win32'
      ? (env.LOCALAPPDATA ?? path.join(home, 'AppData', 'Local'))
      : process.platform === 'darwin'
        ? path.join(home, 'Library', 'Application Support')
        : (env.XDG_DATA_HOME ?? path.join(home, '.local', 'share'))
  const name =
    path
      .basename(vault)
      .replace(/[^\p{L}\p{N}._-]+/gu, '-')
      .slice(0, 40) || 'vault'
  return path.join(base, 'tandem', `${name}-${createHash('sha256').update(vault).digest('hex').slice(0, 10)}`)
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

/**
 * The folder of everything that a headless device keeps outside the vault:
 *
 *   data.json     settings and paired devices (unknown fields are kept)
 *   device.key    the secret key, 64 hex digits, readable by the owner alone (P6)
 *   repository/   the bare git repository
 *   index/        the stat index
 *   activity.jsonl, lock, control.sock
 */
export class StateFolder implements DataStore {
  readonly secretKey: Uint8Array
  #file: StateFile & Record<string, unknown>

  private constructor(
    readonly folder: string,
    readonly vault: string,
    file: StateFile,
    secretKey: Uint8Array,
  ) {
    this.#file = { ...file }
    this.secretKey = secretKey
  }

  /** Makes the folder for a vault, or opens the one that is there and takes the new name. */
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
    if (fs.existsSync(path.join(folder, 'data.json'))) {
      const state = StateFolder.open(folder, vault)
      state.saveSettings({
        ...(options.name === undefined ? {} : { deviceName: options.name }),
        ...(options.configFolder === undefined ? {} : { configFolder: options.configFolder }),
      })
      return { state, created: false }
    }
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
    const keyFile = path.join(folder, 'device.key')
    const secretKey = fs.existsSync(keyFile) ? readKey(keyFile) : options.secretKey()
    if (!fs.existsSync(keyFile)) writePrivate(keyFile, `${Buffer.from(secretKey).toString('hex')}\n`)
    const file: StateFile = {
      version: VERSION,
      vault,
      deviceId: options.idOf(secretKey),
      settings: { deviceName: options.name ?? options.defaultName, configFolder: options.configFolder ?? true },
      peers: [],
    }
    const state = new StateFolder(folder, vault, file, secretKey)
    state.#write()
    return { state, created: true }
  }

  /** @throws StateError `not-initialised`, `other-vault`, `newer-version`, `damaged`, `inside-vault`. */
  static open(folder: string, vault: string): StateFolder {
    refuseInside(folder, vault)
    const name = path.join(folder, 'data.json')
    let text: string
    try {
      text = fs.readFileSync(name, 'utf8')
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ENOTDIR' || code === 'EISDIR')
        throw new StateError(
          'damaged',
          `the state folder ${folder} is not what it was made as`,
          { path: folder },
          { cause: error },
        )
      if (code !== 'ENOENT') throw error
      throw new StateError(
        'not-initialised',
        `there is no Tandem state for ${vault} in ${folder}`,
        { path: folder, vault },
        { cause: error },
      )
    }
    const file = parseState(text, name)
    if (file.version > VERSION)
      throw new StateError('newer-version', `${folder} was written by a newer Tandem (state version ${file.version})`, {
        path: folder,
      })
    if (file.vault !== vault)
      throw new StateError('other-vault', `${folder} belongs to the vault ${file.vault}, not to ${vault}`, {
        path: folder,
        vault: file.vault,
      })
    removeStaleTemporaries(folder)
    return new StateFolder(folder, vault, file, readKey(path.join(folder, 'device.key')))
  }

  get deviceId(): EndpointId {
    return this.#file.deviceId as EndpointId
  }

  get settings(): DeviceSettings {
    return { ...DEFAULTS, ...this.#file.settings }
  }

  get repository(): string {
    return path.join(this.folder, 'repository')
  }

  get index(): string {
    return path.join(this.folder, 'index')
  }

  get activityLog(): string {
    return path.join(this.folder, 'activity.jsonl')
  }

  saveSettings(change: Partial<DeviceSettings>): void {
    this.#file = { ...this.#file, settings: { ...this.#file.settings, ...change } }
    this.#write()
  }

  async loadPeers(): Promise<readonly PeerRecord[]> {
    return this.#file.peers
  }

  async savePeers(peers: readonly PeerRecord[]): Promise<void> {
    this.#file = { ...this.#file, peers }
    this.#write()
  }

  #write(): void {
    replaceFile(
      path.join(this.folder, 'data.json'),
      path.join(this.folder, temporaryName('file')),
      new TextEncoder().encode(`${JSON.stringify(this.#file, null, 2)}\n`),
    )
  }
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

/** @throws StateError `damaged`; the file stays as it is. */
function parseState(text: string, name: string): StateFile & Record<string, unknown> {
  const damaged = (why: string, cause?: unknown) =>
    new StateError('damaged', `${name} is damaged: ${why}`, { path: name }, { cause })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw damaged((cause as Error).message, cause)
  }
  const file = value as StateFile & Record<string, unknown>
  if (
    typeof value !== 'object' ||
    value === null ||
    typeof file.version !== 'number' ||
    typeof file.vault !== 'string' ||
    typeof file.deviceId !== 'string'
  )
    throw damaged('it lacks version, vault or device id')
  const peers = (Array.isArray(file.peers) ? file.peers : []).filter((p: unknown): p is PeerRecord => isPeerRecord(p))
  return { ...file, settings: typeof file.settings === 'object' && file.settings ? file.settings : {}, peers }
}

function isPeerRecord(value: unknown): boolean {
  const p = value as Partial<PeerRecord> | null
  return (
    typeof p === 'object' &&
    p !== null &&
    typeof p.nodeId === 'string' &&
    isEndpointId(p.nodeId) &&
    typeof p.name === 'string' &&
    typeof p.ticket === 'string' &&
    typeof p.autoConnect === 'boolean'
  )
}

function readKey(file: string): Uint8Array {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim() : ''
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new StateError('damaged', `${file} does not hold a device key`, { path: file })
  return Buffer.from(text, 'hex')
}

function writePrivate(file: string, text: string): void {
  const fd = fs.openSync(file, 'wx', 0o600)
  try {
    fs.writeSync(fd, text)
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}
