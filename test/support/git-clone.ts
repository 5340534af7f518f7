import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import { runGit, type GitResult } from './git.ts'
import type { TandemGit } from './git-remote.ts'

/** A stock clone, and what a person does in it. */
export class GitClone {
  readonly #git: TandemGit

  constructor(
    git: TandemGit,
    readonly dir: string,
  ) {
    this.#git = git
  }

  run(...args: string[]): string {
    return runGit(this.dir, args).toString().trim()
  }

  expectSound(): void {
    expect(this.run('fsck', '--strict')).not.toMatch(/error|missing|broken/)
  }

  edit(path: string, content: string): void {
    mkdirSync(dirname(join(this.dir, path)), { recursive: true })
    writeFileSync(join(this.dir, path), content)
    this.commit(`Edit ${path}`)
  }

  commit(message: string): void {
    this.run('add', '--all')
    this.run('commit', '--quiet', '--message', message)
  }

  push(...args: string[]): Promise<GitResult> {
    return this.#git.run(this.dir, ['push', 'origin', ...(args.length ? args : ['main'])])
  }

  async pull(): Promise<void> {
    const result = await this.#git.run(this.dir, ['pull', '--quiet', '--no-edit', '--no-rebase'])
    expect(result, result.stderr).toMatchObject({ status: 0 })
    this.expectSound()
  }
}
