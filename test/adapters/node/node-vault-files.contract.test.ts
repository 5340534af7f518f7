import { vaultFilesContract } from '../../contracts/vault-files.contract.ts'
import { makeNodeHarness } from './node-vault-harness.ts'

vaultFilesContract('a folder of the disk', makeNodeHarness)
