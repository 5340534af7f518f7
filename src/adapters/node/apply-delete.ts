import { rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DeleteStep, StepResult } from '../../ports/vault-files.ts'
import { hashLocated } from './disk-access.ts'
import type { DiskAccess } from './disk-access.ts'
import { writeError } from './disk-errors.ts'
import { moveToTrash } from './trash.ts'
import type { TrashChoice } from './trash.ts'

/**
 * Moves a file to the trash if and only if it holds what the step expects (E1, E4), and removes the folders that this
 * emptied, as git would: a folder that was empty before stays.
 * @throws VaultError `trash-failed`, `unwritable`; the file is where it was.
 */
export async function applyDelete(access: DiskAccess, step: DeleteStep, trash: TrashChoice): Promise<StepResult> {
  try {
    const located = access.names.locate(step.path)
    access.root.verify()
    switch (located.kind) {
      case 'absent':
      case 'folder':
      case 'unholdable':
      // The same name in another case is another path: a rename in case alone is a delete and a write (pitfall 4).
      case 'twin':
        return { result: 'applied' }
      case 'blocked':
        return { result: located.link ? 'changed' : 'applied' }
      case 'special':
        return { result: 'changed' }
      case 'file': {
        const file = await hashLocated(located, access.codec)
        if (file?.oid !== step.expect || !moveToTrash(access, step.path, file, trash)) return { result: 'changed' }
        await access.folders.sync(dirname(file.disk))
        removeEmptied(dirname(file.disk), access.root.path)
        return { result: 'applied' }
      }
    }
  } catch (cause) {
    throw writeError(cause, step.path)
  }
}

function removeEmptied(folder: string, root: string): void {
  for (let disk = folder; disk !== root && disk.startsWith(root); disk = dirname(disk)) {
    try {
      rmdirSync(disk)
    } catch {
      return // Not empty, or not ours to remove.
    }
  }
}
