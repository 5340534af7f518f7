import { vaultFilesContract } from '../../contracts/vault-files.contract.ts'
import { makeObsidianHarness, OBSIDIAN_LACKS } from './vault-harness.ts'

vaultFilesContract('Obsidian', makeObsidianHarness, OBSIDIAN_LACKS)
vaultFilesContract(
  'Obsidian on a disk with coarse times',
  (options) => makeObsidianHarness(options, { mtimeGranularityMs: 2000 }),
  OBSIDIAN_LACKS,
)
vaultFilesContract(
  'Obsidian on a disk that keeps names in NFD',
  (options) => makeObsidianHarness(options, { normalisation: 'nfd' }),
  OBSIDIAN_LACKS,
)
