import { homedir } from 'node:os'
import { sep } from 'node:path'
import { printable } from './printable.ts'

/** A path as people write it: below the home folder with `~`. For reading, not for opening. */
export function shownPath(path: string, home: string = homedir()): string {
  if (path === home) return '~'
  const below = home !== sep && path.startsWith(home + sep)
  return printable(below ? `~${path.slice(home.length)}` : path)
}

/** A path as an argument that a shell takes back: with `~` while it needs no quotes, else whole and quoted. */
export function shellPath(path: string, home: string = homedir()): string {
  const shown = shownPath(path, home)
  if (/^~?[\p{L}\p{N}_./:@%+,-]+$|^~$/u.test(shown)) return shown
  return process.platform === 'win32' ? `"${path}"` : `'${path.replaceAll("'", `'\\''`)}'`
}
