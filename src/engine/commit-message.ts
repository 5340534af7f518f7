import type { Oid } from '../objects/oid.ts'
import type { VaultPath } from '../objects/vault-path.ts'

/** Paths named in a commit's message body. */
const LISTED = 20

/** A commit message as a person would skim it in `git log`: one line that says what happened, then the paths. */
export function commitMessage(
  edits: ReadonlyMap<VaultPath, Oid | null>,
  before: ReadonlyMap<VaultPath, unknown>,
): string {
  const lines = [...edits].map(([path, oid]) => ({
    path,
    verb: oid === null ? 'Delete' : before.has(path) ? 'Edit' : 'Add',
  }))
  if (lines.length === 1) return `${lines[0]!.verb} ${lines[0]!.path}\n`
  const count = (verb: string) => lines.filter((l) => l.verb === verb).length
  const parts = ['Add', 'Edit', 'Delete'].filter(count).map((verb) => `${verb} ${count(verb)}`)
  const listed = lines.slice(0, LISTED).map(({ verb, path }) => `${verb} ${path}`)
  if (lines.length > LISTED) listed.push(`and ${lines.length - LISTED} more`)
  return `${parts.join(', ')} files\n\n${listed.join('\n')}\n`
}
