/**
 * Loads the native binding of Iroh. Its npm package names a `main` that does not exist, so the `.node` file of the
 * platform's own package is required by path, and `@number0/iroh` serves for types only.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type * as binding from '@number0/iroh'
import { TransportError } from '../../ports/errors.ts'

export type Iroh = typeof binding

/** `process.platform`-`process.arch` -> what the builds are called. musl after glibc: loading the wrong one fails cleanly. */
const BUILDS: Readonly<Record<string, readonly string[]>> = {
  'linux-x64': ['linux-x64-gnu', 'linux-x64-musl'],
  'linux-arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'linux-arm': ['linux-arm-gnueabihf', 'linux-arm-musleabihf'],
  'darwin-arm64': ['darwin-arm64'],
  'win32-x64': ['win32-x64-msvc'],
  'win32-arm64': ['win32-arm64-msvc'],
  'android-arm64': ['android-arm64'],
  'android-arm': ['android-arm-eabi'],
}

/** The builds that run on a platform (`process.platform`-`process.arch`), best first; none for an unknown one. */
export function buildsOf(platform: string): readonly string[] {
  return BUILDS[platform] ?? []
}

const loaded = new Map<string, Iroh>()

/**
 * The binding: from the file at `path` (absolute), or from the package installed for this platform. Loaded once.
 * `sha256` (hex) is compared before the file is loaded: a truncated `.node` kills the whole process with SIGBUS.
 * @throws TransportError `no-native`, naming the platform.
 */
export function loadIroh(path?: string, sha256?: string): Iroh {
  const key = path ?? ''
  let iroh = loaded.get(key)
  if (!iroh) {
    iroh = path === undefined ? loadInstalled() : loadFile(path, sha256)
    loaded.set(key, iroh)
  }
  return iroh
}

function loadFile(path: string, sha256?: string): Iroh {
  try {
    if (
      sha256 !== undefined &&
      createHash('sha256').update(readFileSync(path)).digest('hex') !== sha256.toLowerCase()
    ) {
      throw new Error('the file is damaged: its checksum differs')
    }
    return createRequire(path)(path) as Iroh
  } catch (cause) {
    throw noNative(`The Iroh binding at ${path} cannot be loaded: ${textOf(cause)}.`, cause)
  }
}

function loadInstalled(): Iroh {
  const builds = BUILDS[platform()]
  if (!builds) throw noNative(`Iroh has no build for this platform, ${platform()}.`)
  let cause: unknown
  for (const build of builds) {
    try {
      // From the package of the types: the platform packages are its dependencies, not ours.
      const root = createRequire(here()).resolve('@number0/iroh/package.json')
      const require = createRequire(root)
      return require(`@number0/iroh-${build}/iroh.${build}.node`) as Iroh
    } catch (error) {
      // What is installed and does not load says more than what is not there.
      if (cause === undefined || !isNotFound(error)) cause = error
    }
  }
  throw noNative(`The Iroh binding for ${platform()} cannot be loaded: ${textOf(cause)}.`, cause)
}

/** Where to look from; a bundle in the CommonJS format has no `import.meta.url`. */
function here(): string {
  const url = import.meta.url as string | undefined
  return url ?? pathToFileURL(`${process.cwd()}/`).href
}

function platform(): string {
  return `${process.platform}-${process.arch}`
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND'
}

function textOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]!
}

function noNative(message: string, cause?: unknown): TransportError {
  return new TransportError('no-native', message, { platform: platform() }, { cause })
}
