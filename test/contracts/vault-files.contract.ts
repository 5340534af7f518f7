import { describe } from 'vitest'
import { applyContract } from './vault-files-apply.contract.ts'
import type { MakeHarness } from './vault-files.harness.ts'
import { readContract } from './vault-files-read.contract.ts'
import { watchContract } from './vault-files-watch.contract.ts'

/** What every VaultFiles must do, whatever the disk. */
export function vaultFilesContract(name: string, make: MakeHarness): void {
  describe(`VaultFiles on ${name}`, () => {
    describe('looking', () => readContract(make))
    describe('applying', () => applyContract(make))
    describe('watching', () => watchContract(make))
  })
}
