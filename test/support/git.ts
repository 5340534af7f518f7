import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Nothing of this machine's or user's configuration; the same commits at every run. */
const ENVIRONMENT = {
  PATH: process.env.PATH,
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ada Lovelace',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_AUTHOR_DATE: '1700000000 +0100',
  GIT_COMMITTER_NAME: 'Ada Lovelace',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  GIT_COMMITTER_DATE: '1700000000 +0100',
  LC_ALL: 'C.UTF-8',
}

export interface GitRunOptions {
  readonly input?: Uint8Array | string
  readonly env?: Readonly<Record<string, string>>
}

/** What stock git wrote to its output. Throws with what it wrote to its errors when it fails. */
export function runGit(cwd: string, args: readonly string[], input?: Uint8Array | string): Buffer {
  return run(cwd, args, { input })
}

function run(cwd: string, args: readonly string[], options: GitRunOptions): Buffer {
  const result = spawnSync('git', args, {
    cwd,
    input: options.input ?? '',
    env: { ...ENVIRONMENT, ...options.env },
    maxBuffer: 1024 * 1024 * 1024,
  })
  if (result.error) throw result.error
  if (result.status !== 0) throw new Error(`git ${args.join(' ')}: ${result.stderr.toString()}`)
  return result.stdout
}

export interface GitResult {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs stock git beside this process, which may be its server meanwhile. A failure is a result. */
export function runGitBeside(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = startGit(cwd, args, env)
    child.stdin.end()
    const texts = { stdout: '', stderr: '' }
    child.stdout.on('data', (bytes: Buffer) => (texts.stdout += bytes.toString()))
    child.stderr.on('data', (bytes: Buffer) => (texts.stderr += bytes.toString()))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, ...texts }))
  })
}

/** Starts stock git with its pipes in hand. */
export function startGit(
  cwd: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): ChildProcessWithoutNullStreams {
  return spawn('git', args, { cwd, env: { ...ENVIRONMENT, ...env } })
}

/** Stock git in one folder: the judge of what we write, the maker of what we read. */
export class StockGit {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  /** A new repository in a temporary folder; `dispose` removes it. */
  static create(...initArgs: string[]): StockGit {
    const git = new StockGit(mkdtempSync(join(tmpdir(), 'stock-git-')))
    git.run('init', '--quiet', '--initial-branch=main', ...initArgs)
    return git
  }

  run(...args: string[]): Buffer {
    return run(this.dir, args, {})
  }

  /** The output as text without the last line feed. */
  text(...args: string[]): string {
    return this.run(...args)
      .toString()
      .replace(/\n$/, '')
  }

  runWith(options: GitRunOptions, ...args: string[]): Buffer {
    return run(this.dir, args, options)
  }

  dispose(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
