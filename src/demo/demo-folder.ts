import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { ExitCode } from '../cli/exit-codes.ts'
import { DemoError } from './demo-error.ts'

/** Where one of the two devices lives. */
export interface DeviceFolders {
  readonly name: string
  readonly vault: string
  readonly state: string
}

/**
 * The folder of one demonstration, always a new one:
 *
 *   tandem-demo-XXXXXX/
 *     A/  B/               the two vaults
 *     A-state/  B-state/   identity, repository and index of each
 *     clone/               of A's repository, while it is checked
 */
export interface DemoFolder {
  readonly root: string
  readonly a: DeviceFolders
  readonly b: DeviceFolders
  readonly clone: string
}

/**
 * @param parent Where to make it; undefined: the system's folder for temporary files.
 * @param source The vault that will be copied: the folder must not lie in it.
 * @throws DemoError `bad-work-folder`.
 */
export async function makeDemoFolder(parent: string | undefined, source: string): Promise<DemoFolder> {
  const place = parent ?? tmpdir()
  const refuse = (why: string, cause?: unknown): DemoError =>
    new DemoError('bad-work-folder', `The demonstration cannot work in ${place}: ${why}.`, {
      hint: 'Name another folder with --work DIR.',
      exitCode: ExitCode.cannotWrite,
      cause,
    })
  let real: string
  try {
    const { existing, missing } = await splitPlace(resolve(place))
    real = join(existing, ...missing)
    if (isInside(real, source)) throw refuse(`it lies inside the vault ${source}, which must not be touched`)
    // Level by level: mkdir's own `recursive` never ends where a file system refuses new folders with ENOENT.
    let folder = existing
    for (const name of missing) await mkdir((folder = join(folder, name)))
  } catch (error) {
    if (error instanceof DemoError) throw error
    throw refuse((error as Error).message, error)
  }
  let root: string
  try {
    root = await mkdtemp(join(real, 'tandem-demo-'))
  } catch (error) {
    throw refuse((error as Error).message, error)
  }
  const device = (name: string): DeviceFolders => ({
    name,
    vault: join(root, name),
    state: join(root, `${name}-state`),
  })
  const folder = { root, a: device('A'), b: device('B'), clone: join(root, 'clone') }
  await mkdir(folder.a.vault)
  await mkdir(folder.b.vault)
  return folder
}

/** Everything that the demonstration made. */
export async function removeDemoFolder(folder: DemoFolder): Promise<void> {
  await rm(folder.root, { recursive: true, force: true, maxRetries: 3 })
}

/** The part of a path that is there, as its real path, and the names that are not. Nothing is made. */
async function splitPlace(place: string): Promise<{ existing: string; missing: string[] }> {
  try {
    return { existing: await realpath(place), missing: [] }
  } catch (error) {
    const parent = dirname(place)
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === place) throw error
    const { existing, missing } = await splitPlace(parent)
    return { existing, missing: [...missing, basename(place)] }
  }
}

function isInside(inner: string, outer: string): boolean {
  const way = relative(outer, inner)
  return way === '' || (way.split(/[\\/]/)[0] !== '..' && !isAbsolute(way))
}
