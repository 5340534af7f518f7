import { describe } from 'vitest'
import { applyContract } from './vault-files-apply.contract.ts'
import type { Lacks, MakeHarness } from './vault-files.harness.ts'
import { readContract } from './vault-files-read.contract.ts'
import { watchContract } from './vault-files-watch.contract.ts'

/** What every VaultFiles must do, whatever the disk; `lacks` says what the platform keeps it from. */
export function vaultFilesContract(name: string, make: MakeHarness, lacks: Lacks = {}): void {
  const without = Object.keys(lacks)
  const title = `VaultFiles on ${name}${without.length ? `, which lacks ${without.join(', ')}` : ''}`
  describe(title, () => {
    describe('looking', () => readContract(make, lacks))
    describe('applying', () => applyContract(make, lacks))
    describe('watching', () => watchContract(make))
  })
}
