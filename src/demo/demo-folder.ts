import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative, isAbsolute } from 'node:path'
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
    await mkdir(place, { recursive: true })
    real = await realpath(place)
  } catch (error) {
    throw refuse((error as Error).message, error)
  }
  if (isInside(real, source)) throw refuse(`it lies inside the vault ${source}, which must not be touched`)
  let root: string
  try {
    root = await mkdtemp(join(real, 'tandem-demo-'))
  } catch (error) {
    throw refuse((error as Error).message, error)
  }
  const device = (name: string): DeviceFolders => ({ name, vault: join(root, name), state: join(root, `${name}-state`) })
  const folder = { root, a: device('A'), b: device('B'), clone: join(root, 'clone') }
  await mkdir(folder.a.vault)
  await mkdir(folder.b.vault)
  return folder
}

/** Everything that the demonstration made. */
export async function removeDemoFolder(folder: DemoFolder): Promise<void> {
  await rm(folder.root, { recursive: true, force: true, maxRetries: 3 })
}

function isInside(inner: string, outer: string): boolean {
  const way = relative(outer, inner)
  return way === '' || (way.split(/[\\/]/)[0] !== '..' && !isAbsolute(way))
}
