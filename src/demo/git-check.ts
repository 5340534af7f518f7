import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { compareVaults, type VaultComparison } from './compare-vaults.ts'

const MAX_OUTPUT_BYTES = 8 << 20

/** The person's own git settings (line ends, filters, signing) must not change what is checked. */
const ENVIRONMENT: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: process.platform === 'win32' ? 'NUL' : '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  LC_ALL: 'C',
}

/** The stock `git` of this machine: its version, or null when there is none. */
export async function gitVersion(signal: AbortSignal): Promise<string | null> {
  const { failed, output } = await git(['--version'], signal)
  return failed ? null : output.trim()
}

export interface FsckResult {
  readonly clean: boolean
  /** What git said, when not clean. */
  readonly complaint: string
}

/** `git fsck --strict`: every object well-formed, none missing. */
export async function fsck(repository: string, signal: AbortSignal): Promise<FsckResult> {
  const { failed, output } = await git(['-C', repository, 'fsck', '--strict', '--no-dangling', '--no-progress'], signal)
  const clean = !failed && !/^(error|warning|missing|broken)\b/m.test(output)
  return { clean, complaint: clean ? '' : output.trim().slice(0, 2000) }
}

export interface CloneResult {
  /** Null when git could not clone; then `complaint` says why. */
  readonly comparison: VaultComparison | null
  readonly complaint: string
}

/**
 * `git clone` of the repository into `folder`, compared with the vault, then removed. Attributes that a note-taker keeps
 * in the vault (`.gitattributes`) are switched off: they could ask git to change line ends on the way out.
 */
export async function compareClone(
  repository: string,
  folder: string,
  vault: string,
  signal: AbortSignal,
): Promise<CloneResult> {
  try {
    // `--no-local`: through git's own transfer, which looks at every object.
    const clone = await git(['clone', '--quiet', '--no-local', '--no-checkout', repository, folder], signal)
    if (clone.failed) return { comparison: null, complaint: clone.output.trim() }
    await mkdir(join(folder, '.git', 'info'), { recursive: true })
    await writeFile(join(folder, '.git', 'info', 'attributes'), '* -text -eol -filter -ident -working-tree-encoding\n')
    const checkout = await git(['-C', folder, 'reset', '--quiet', '--hard'], signal)
    if (checkout.failed) return { comparison: null, complaint: checkout.output.trim() }
    return { comparison: await compareVaults(vault, folder), complaint: '' }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** @throws the signal's reason. A git that fails, or is not there, is a result. */
async function git(args: readonly string[], signal: AbortSignal): Promise<{ failed: boolean; output: string }> {
  const result = await new Promise<{ failed: boolean; output: string }>((resolve) => {
    const options = { env: ENVIRONMENT, signal, maxBuffer: MAX_OUTPUT_BYTES, windowsHide: true }
    execFile('git', args, options, (error, stdout, stderr) =>
      resolve({ failed: error !== null, output: `${stdout}${stderr}` || (error?.message ?? '') }),
    )
  })
  signal.throwIfAborted()
  return result
}
