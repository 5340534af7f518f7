import { createHash, randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { gunzipSync } from 'node:zlib'
import { TransportError } from '../../ports/errors.ts'
import { buildsOf, loadIroh, type Iroh } from './native-binding.ts'

/** One build of the binding, as pinned when the plugin was built. */
export interface PinnedBuild {
  readonly file: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

export interface PinnedComponents {
  /** Of `@number0/iroh`. */
  readonly version: string
  readonly builds: Readonly<Record<string, PinnedBuild>>
}

export interface InstalledComponent {
  /** Absolute. */
  readonly path: string
  readonly sha256: string
}

/** A package inflates to little more than the binding in it. */
const MAX_INFLATED = 64 * 1024 * 1024
const TAR_BLOCK = 512

/**
 * The native network component, in a folder of its own: `iroh-<first 16 digits of its SHA-256>.node`. It gets there only by a
 * person's choice, and is loaded only if it is, byte for byte, one of the builds pinned when this version was made: a truncated
 * file would kill the whole process.
 */
export class ComponentFolder {
  readonly #folder: string
  readonly #candidates: readonly PinnedBuild[]

  constructor(folder: string, pinned: PinnedComponents, platform = `${process.platform}-${process.arch}`) {
    this.#folder = folder
    this.#candidates = buildsOf(platform).flatMap((build) => pinned.builds[build] ?? [])
  }

  /** What this device may install; null: nothing is built for it. */
  get offer(): PinnedBuild | null {
    return this.#candidates[0] ?? null
  }

  /** The path of what is installed, checked just now. @throws TransportError `no-native` when it is damaged or unreadable. */
  async find(): Promise<InstalledComponent | null> {
    for (const build of this.#candidates) {
      const file = this.#pathOf(build)
      if (!fs.existsSync(file)) continue
      if ((await hashOf(file)) !== build.sha256)
        throw new TransportError('no-native', `The network component ${file} is damaged. Install it again.`)
      return { path: file, sha256: build.sha256 }
    }
    return null
  }

  /** Loads what `find` has just checked. @throws TransportError `no-native`. */
  load(found: InstalledComponent): Iroh {
    return loadIroh(found.path)
  }

  /**
   * Puts a file that a person chose in its place: the `.node` file itself, or the npm package (`.tgz`) that holds it.
   * @throws TransportError `no-native`, when it is not one of the pinned builds or cannot be written; then nothing changed.
   */
  install(bytes: Uint8Array): void {
    if (!this.#candidates.length)
      throw new TransportError('no-native', 'There is no network component for this kind of computer.')
    const found = this.#pinnedIn(bytes)
    if (!found) {
      throw new TransportError(
        'no-native',
        `This file is not the network component that this version was made for: ${this.#candidates.map((c) => `${c.file} (SHA-256 ${c.sha256.slice(0, 16)}…)`).join(' or ')}. Download it again, or take the one of the right version.`,
      )
    }
    const temporary = path.join(this.#folder, `.component-${randomBytes(8).toString('hex')}.tmp`)
    try {
      fs.mkdirSync(this.#folder, { recursive: true })
      const fd = fs.openSync(temporary, 'wx', 0o755)
      try {
        fs.writeFileSync(fd, found.content)
        fs.fsyncSync(fd)
      } finally {
        fs.closeSync(fd)
      }
      fs.renameSync(temporary, this.#pathOf(found.build))
    } catch (cause) {
      if (fs.existsSync(temporary)) fs.rmSync(temporary)
      throw new TransportError(
        'no-native',
        `The network component cannot be written to ${this.#folder}: ${(cause as Error).message}`,
        {},
        { cause },
      )
    }
  }

  /** A component in use stays loaded until the app is restarted. */
  remove(): void {
    for (const build of this.#candidates) fs.rmSync(this.#pathOf(build), { force: true })
  }

  #pathOf(build: PinnedBuild): string {
    return path.join(this.#folder, `iroh-${build.sha256.slice(0, 16)}.node`)
  }

  #pinnedIn(bytes: Uint8Array): { build: PinnedBuild; content: Uint8Array } | null {
    for (const content of isGzip(bytes) ? filesOfPackage(bytes) : [bytes]) {
      const build = this.#candidates.find((c) => c.bytes === content.length && c.sha256 === sha256(content))
      if (build) return { build, content }
    }
    return null
  }
}

/** In pieces: the window stays alive meanwhile. */
async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of fs.createReadStream(file, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer)
  } catch (cause) {
    throw new TransportError(
      'no-native',
      `The network component ${file} cannot be read: ${(cause as Error).message}`,
      {},
      { cause },
    )
  }
  return hash.digest('hex')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b
}

/** The contents of the regular files in a gzipped tar archive (POSIX ustar). What is not one has none. */
function filesOfPackage(archive: Uint8Array): Uint8Array[] {
  let tar: Uint8Array
  try {
    tar = gunzipSync(archive, { maxOutputLength: MAX_INFLATED })
  } catch {
    return []
  }
  const files: Uint8Array[] = []
  for (let at = 0; at + TAR_BLOCK <= tar.length;) {
    const size = parseInt(String.fromCharCode(...tar.subarray(at + 124, at + 136)), 8)
    if (!Number.isSafeInteger(size) || size < 0) break
    const start = at + TAR_BLOCK
    if (start + size > tar.length) break
    const type = tar[at + 156]
    if (type === 0x30 || type === 0) files.push(tar.subarray(start, start + size))
    at = start + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK
  }
  return files
}
