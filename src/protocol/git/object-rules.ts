import { decodeUtf8 } from '../../objects/bytes.ts'
import { CorruptObjectError } from '../../objects/errors.ts'
import type { ObjectType, Oid } from '../../objects/oid.ts'
import { decodeTree } from '../../objects/tree.ts'
import type { FileMode } from '../../objects/tree.ts'
import { tagTarget } from './tag-object.ts'

/** What a pushed tree may hold besides files and folders. */
export interface ObjectRules {
  readonly symlinks: boolean
  readonly submodules: boolean
}

/** An object that a pushed one names, and what it has to be there; null: anything. */
export interface NamedObject {
  readonly oid: Oid
  readonly type: ObjectType | null
}

const TARGETS: Readonly<Record<FileMode, ObjectType | null>> = {
  '100644': 'blob',
  '100755': 'blob',
  '120000': 'blob',
  '40000': 'tree',
  '160000': null,
}
/** As file systems that fold case or shorten names take it (git: fsck.c, is_ntfs_dotgitmodules). */
const GITMODULES = /^(?:\.gitmodules|gitmod~\d|gi7eba~\d)[. ]*(?:$|:)/i
/** Folders of a lone share hold fewer; costly to walk. */
const MAX_TREE_ENTRIES = 100_000

/**
 * Checks one pushed tree, commit or tag as `git fsck --strict` does, and more: names must be UTF-8. Returns what it names.
 * @throws CorruptObjectError `bad-tree`, `bad-commit`, `bad-object`, `too-large`: the text is for the person who pushed
 */
export function checkPushedObject(type: ObjectType, content: Uint8Array, oid: Oid, rules: ObjectRules): NamedObject[] {
  switch (type) {
    case 'tree':
      return checkTree(content, rules)
    case 'commit':
      return checkCommit(content, oid)
    case 'tag':
      return checkTag(content, oid)
    case 'blob':
      return []
  }
}

function checkTree(content: Uint8Array, rules: ObjectRules): NamedObject[] {
  const named: NamedObject[] = []
  for (const { mode, name, oid } of decodeTree(content)) {
    if (mode === '120000' && !rules.symlinks) throw badTree(`the symbolic link ${name}, which is not allowed here`)
    if (mode === '160000' && !rules.submodules) throw badTree(`the submodule ${name}, which is not allowed here`)
    if (!rules.submodules && GITMODULES.test(name)) throw badTree(`${name}, which is not allowed here`)
    const type = TARGETS[mode]
    if (type) named.push({ oid, type })
    if (named.length > MAX_TREE_ENTRIES) {
      throw new CorruptObjectError('too-large', `a tree holds more than ${MAX_TREE_ENTRIES} entries`)
    }
  }
  return named
}

const OID = '[0-9a-f]{40}'
const WHO = '(?:[^<>\\n\\0]* )?<[^<>\\n\\0]*> (?:0|[1-9]\\d{0,17}) [+-]\\d{4}'
const COMMIT_HEAD = new RegExp(`^tree ${OID}\\n((?:parent ${OID}\\n)*)author ${WHO}\\ncommitter ${WHO}\\n`)
const TAG_HEAD = new RegExp(
  `^object ${OID}\\ntype (blob|tree|commit|tag)\\ntag [^\\n\\0]+\\n(?:tagger ${WHO}\\n)?(?:\\n|$)`,
)
const MAX_PARENTS = 1000

function checkCommit(content: Uint8Array, oid: Oid): NamedObject[] {
  const text = latin1(content)
  const match = COMMIT_HEAD.exec(text)
  if (!match || text.includes('\0'))
    throw new CorruptObjectError('bad-commit', `the commit ${oid} is malformed`, { oid })
  const parents = match[1]!.split('\n').filter((line) => line !== '')
  if (parents.length > MAX_PARENTS) throw new CorruptObjectError('bad-commit', `the commit ${oid} has too many parents`)
  return [
    { oid: text.slice(5, 45) as Oid, type: 'tree' },
    ...parents.map((line): NamedObject => ({ oid: line.slice(7) as Oid, type: 'commit' })),
  ]
}

function checkTag(content: Uint8Array, oid: Oid): NamedObject[] {
  const match = TAG_HEAD.exec(latin1(content))
  const target = tagTarget(content)
  if (!match || !target) throw new CorruptObjectError('bad-object', `the tag ${oid} is malformed`, { oid })
  return [{ oid: target, type: match[1] as ObjectType }]
}

/** Headers are ASCII where it matters; the encodings of names and messages are many. */
function latin1(content: Uint8Array): string {
  return decodeUtf8(content) ?? LATIN1.decode(content)
}

const LATIN1 = new TextDecoder('latin1')

function badTree(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-tree', `a tree holds ${what}`)
}
