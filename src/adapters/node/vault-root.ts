import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { VaultError } from '../../ports/errors.ts'
import { isAbsent, reasonOf } from './disk-errors.ts'

/**
 * The vault's folder as it was when it was opened. A disk that is gone, or another folder mounted in its place, must never
 * look like a vault whose files were deleted (E2): every absence is believed only while `problem()` finds nothing.
 */
export class VaultRoot {
  /** Absolute, with every symbolic link on the way resolved. */
  readonly path: string
  readonly #dev: number
  readonly #ino: number

  /** @throws VaultError `no-vault`, `not-a-folder`, `unreadable`. */
  constructor(given: string) {
    const data = { path: given }
    try {
      this.path = realpathSync.native(given)
      const stat = statSync(this.path)
      if (!stat.isDirectory()) {
        const message = `“${given}” is a file, not a folder. Name the folder that holds the vault.`
        throw new VaultError('not-a-folder', message, data)
      }
      this.#dev = stat.dev
      this.#ino = stat.ino
      readdirSync(this.path)
    } catch (cause) {
      if (cause instanceof VaultError) throw cause
      if (isAbsent(cause)) {
        const message = `There is no folder “${given}”. Check the path, connect the disk it is on, or make the folder first.`
        throw new VaultError('no-vault', message, data, { cause })
      }
      const message = `The vault's folder “${given}” cannot be read because ${reasonOf(cause)}. Give this user access to it.`
      throw new VaultError('unreadable', message, data, { cause })
    }
  }

  /** Why the folder cannot be believed now, or null. */
  problem(): string | null {
    try {
      const stat = lstatSync(this.path)
      if (stat.dev === this.#dev && stat.ino === this.#ino && stat.isDirectory()) return null
      return `another folder has taken the place of the vault's folder “${this.path}”; connect the right disk, or start again`
    } catch (cause) {
      if (isAbsent(cause)) return `the vault's folder “${this.path}” is gone; connect the disk it is on`
      return `the vault's folder “${this.path}” cannot be looked at because ${reasonOf(cause)}`
    }
  }

  /** @throws VaultError `no-vault` when the folder is gone or replaced. */
  verify(): void {
    const problem = this.problem()
    if (problem) throw new VaultError('no-vault', `Nothing was read or written: ${problem}.`, { path: this.path })
  }
}
