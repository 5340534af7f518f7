import { decodeUtf8, encodeUtf8 } from './bytes.ts'
import { CorruptObjectError } from './errors.ts'
import { decodeIdentity, encodeIdentity } from './identity.ts'
import type { Identity } from './identity.ts'
import { isOid } from './oid.ts'
import type { Oid } from './oid.ts'

/*
 * A commit's content:
 *   tree OID LF
 *   parent OID LF           any number
 *   author IDENTITY LF
 *   committer IDENTITY LF
 *   KEY SP VALUE LF         any number; a value's further lines begin with a space (gpgsig, encoding, mergetag …)
 *   LF
 *   message                 to the end
 */

export interface Commit {
  readonly tree: Oid
  readonly parents: readonly Oid[]
  readonly author: Identity
  readonly committer: Identity
  /** As it is, with the line feed at its end. */
  readonly message: string
  /** The further headers in order, the lines of a value joined by line feeds. */
  readonly headers?: readonly (readonly [string, string])[]
}

const HEADER_KEY = /^[^\s\0]+$/
const RESERVED_KEYS: ReadonlySet<string> = new Set(['tree', 'parent', 'author', 'committer'])

/** @throws CorruptObjectError `bad-commit` for what `git fsck --strict` would refuse (V9) */
export function encodeCommit(commit: Commit): Uint8Array {
  let text = `tree ${checkedOid(commit.tree)}\n`
  for (const parent of commit.parents) text += `parent ${checkedOid(parent)}\n`
  text += `author ${encodeIdentity(commit.author)}\ncommitter ${encodeIdentity(commit.committer)}\n`
  for (const [key, value] of commit.headers ?? []) {
    if (!HEADER_KEY.test(key) || RESERVED_KEYS.has(key)) throw badCommit(`the header ${JSON.stringify(key)}`)
    text += `${key} ${value.replaceAll('\n', '\n ')}\n`
  }
  text += `\n${commit.message}`
  if (text.includes('\0')) throw badCommit('a NUL character')
  return encodeUtf8(text)
}

/**
 * Takes every commit that stock git made, also those whose text is not UTF-8: then `encoding` tells how to read it, and
 * encoding again does not give the same bytes.
 * @throws CorruptObjectError `bad-commit`
 */
export function decodeCommit(content: Uint8Array): Commit {
  const text = commitText(content)
  const { lines, message } = splitHeaders(text)
  const headers: [string, string][] = []
  const parents: Oid[] = []
  let tree: Oid | undefined
  let author: Identity | undefined
  let committer: Identity | undefined
  for (const [key, value] of lines) {
    // Git reads the first of each and lets later ones be; so they are kept as unknown headers.
    if (key === 'tree' && !tree) tree = checkedOid(value)
    else if (key === 'parent' && !author) parents.push(checkedOid(value))
    else if (key === 'author' && !author) author = decodeIdentity(value)
    else if (key === 'committer' && !committer) committer = decodeIdentity(value)
    else headers.push([key, value])
  }
  if (!tree) throw badCommit('no tree')
  if (!author || !committer) throw badCommit('no author or committer')
  return { tree, parents, author, committer, message, ...(headers.length > 0 ? { headers } : {}) }
}

function splitHeaders(text: string): { lines: [string, string][]; message: string } {
  const lines: [string, string][] = []
  let at = 0
  while (at < text.length && text[at] !== '\n') {
    const feed = text.indexOf('\n', at)
    const end = feed < 0 ? text.length : feed
    const last = lines.at(-1)
    if (text[at] === ' ') {
      if (!last) throw badCommit('a continued line with nothing before it')
      last[1] += '\n' + text.slice(at + 1, end)
    } else {
      const space = text.indexOf(' ', at)
      if (space < 0 || space > end) lines.push([text.slice(at, end), ''])
      else lines.push([text.slice(at, space), text.slice(space + 1, end)])
    }
    at = end + 1
  }
  return { lines, message: text.slice(at + 1) }
}

function commitText(content: Uint8Array): string {
  const text = decodeUtf8(content)
  if (text !== undefined) return text
  // Header keys are ASCII in every encoding that git knows, so this finds the one that matters.
  const latin1 = new TextDecoder('latin1').decode(content)
  const label = /^encoding (.+)$/m.exec(latin1.slice(0, latin1.indexOf('\n\n')))?.[1]
  try {
    if (label && !/^utf-?8$/i.test(label)) return new TextDecoder(label).decode(content)
  } catch {
    // An encoding that this platform doesn't know.
  }
  return latin1
}

function checkedOid(text: string): Oid {
  if (!isOid(text)) throw badCommit(`the object id ${JSON.stringify(text.slice(0, 60))}`)
  return text
}

function badCommit(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-commit', `a commit has ${what}`)
}
export type { Identity } from './identity.ts'
export { cleanIdentityName } from './identity.ts'
