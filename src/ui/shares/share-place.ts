import { caseKey, vaultPathProblem } from '../../objects/vault-path.ts'

/** What decides whether a shared folder can go somewhere. */
export interface VaultPlaces {
  /** Something lies there: a file, or a folder that is not empty. */
  readonly isTaken: (path: string) => boolean
  /** Folders that are shares of their own. */
  readonly shared: readonly string[]
}

/** As it is typed, as a path: without spaces around it and slashes at its end. */
export function typedPlace(text: string): string {
  return text.trim().normalize('NFC').replace(/\/+$/, '')
}

/** Why a folder cannot be a share of its own; null: it can. */
export function shareProblem(path: string, shared: readonly string[]): string | null {
  if (path === '') return 'Enter the name of a folder.'
  const problem = vaultPathProblem(path)
  if (problem !== null) return `${problem}.`
  if (path.split('/').some((name) => name.startsWith('.'))) return 'Hidden folders are not shared.'
  const other = shared.find((folder) => overlaps(folder, path))
  return other === undefined ? null : `This overlaps with “${other}”, which is a shared folder already.`
}

/** Why a folder that comes from elsewhere cannot go there; null: it can. */
export function placeProblem(path: string, { isTaken, shared }: VaultPlaces): string | null {
  const problem = shareProblem(path, shared)
  if (problem !== null) return problem
  return isTaken(path) ? `There is something at “${path}” already. Enter a name that is free.` : null
}

/** A free folder of that name below the root: `Plan`, else `Plan 2`, and so on. */
export function suggestedPlace(title: string, places: VaultPlaces): string {
  const name =
    title
      .replace(/\p{Cc}|[\\/:*?"<>|#^[\]]/gu, '-')
      .replace(/^\.+/, '')
      .replace(/[. ]+$/, '')
      .trim() || 'Shared folder'
  for (let n = 1; n < 100; n++) {
    const path = n === 1 ? name : `${name} ${n}`
    if (placeProblem(path, places) === null) return path
  }
  return name
}

/** One lies in the other, or is it; as a disk that folds case sees it. */
function overlaps(left: string, right: string): boolean {
  const [a, b] = [`${caseKey(left)}/`, `${caseKey(right)}/`]
  return a.startsWith(b) || b.startsWith(a)
}
