import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { dirname, join } from 'node:path'
import { runGitBeside } from './git.ts'
import type { GitResult } from './git.ts'
import { TANDEM } from './tandem-process.ts'

/** The helper under test, as `npm run build` makes it: beside the program. */
export const GIT_REMOTE_TANDEM = join(dirname(TANDEM), 'git-remote-tandem.mjs')

/** Stock git that finds `git-remote-tandem`, as after an installation of the package, in a home of its own. */
export class TandemGit {
  readonly env: Readonly<Record<string, string>>
  readonly data: string

  constructor(folder: string) {
    if (!existsSync(GIT_REMOTE_TANDEM)) throw new Error(`${GIT_REMOTE_TANDEM} is missing: npm run build makes it`)
    const bin = join(folder, 'bin')
    this.data = join(folder, 'data')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'git-remote-tandem'), `#!/bin/sh\nexec '${process.execPath}' '${GIT_REMOTE_TANDEM}' "$@"\n`)
    chmodSync(join(bin, 'git-remote-tandem'), 0o755)
    this.env = {
      PATH: `${bin}:${process.env.PATH ?? ''}`,
      HOME: folder,
      XDG_DATA_HOME: this.data,
      TANDEM_RELAY: 'off',
      TANDEM_BIND: '127.0.0.1:0',
    }
  }

  run(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<GitResult> {
    return runGitBeside(cwd, args, { ...this.env, ...env })
  }

  /** @throws when it fails, with what git said. */
  async must(cwd: string, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.run(cwd, args)
    if (status !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`)
    return stdout
  }

  /** The helper alone, as git starts it. */
  helper(address: string, env: Readonly<Record<string, string>> = {}): ChildProcessWithoutNullStreams {
    return spawn('git-remote-tandem', ['origin', address], { env: { ...this.env, ...env } })
  }
}
