import { vaultFilesContract } from '../../contracts/vault-files.contract.ts'
import { makeMemoryHarness } from './memory-vault-harness.ts'

vaultFilesContract('a fake disk', makeMemoryHarness)
vaultFilesContract('a fake disk with coarse times', (options) =>
  makeMemoryHarness(options, { mtimeGranularityMs: 2000 }),
)
vaultFilesContract('a fake disk that keeps names in NFD', (options) =>
  makeMemoryHarness(options, { normalisation: 'nfd' }),
)
