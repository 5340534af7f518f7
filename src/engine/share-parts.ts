import type { IndexStore } from '../ports/index-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { RefStore } from '../ports/ref-store.ts'
import type { VaultFiles } from '../ports/vault-files.ts'
import type { ShareName } from '../protocol/messages.ts'

/** What a platform gives for one share: the stores of its repository, and its files. */
export interface ShareParts {
  readonly name: ShareName
  readonly objects: ObjectStore
  readonly refs: RefStore
  readonly index: IndexStore
  readonly files: VaultFiles
}
