import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { plainParagraphs } from './plain-paragraphs.ts'
import type { WalkedFile } from './vault-walk.ts'

/** The notes that the demonstration works on, by their paths. Four different ones. */
export interface DemoNotes {
  /** Has a paragraph of plain text. */
  readonly edited: string
  /** Has two at least. */
  readonly merged: string
  readonly renamed: string
  readonly deleted: string
}

/** For vaults that have no suitable ones. */
export const DEMO_FOLDER = 'Tandem demo'

const MIN_BYTES = 40
const MAX_BYTES = 50_000
/** Room for a new name in the same folder: file systems end at 255 bytes. */
const MAX_PATH_BYTES = 180
/** Notes that are read at most in search of suitable ones. */
const MAX_READ = 300

const OWN_NOTES: Readonly<Record<keyof DemoNotes, readonly [string, string]>> = {
  edited: ['Plain edit.md', 'This note is here to be edited.\n'],
  merged: [
    'Both at once.md',
    'The first paragraph belongs to one device.\n\nBetween them lies this one.\n\nThe last one belongs to the other device.\n',
  ],
  renamed: ['To be renamed.md', 'This note is here to get another name.\n'],
  deleted: ['To be deleted.md', 'This note is here to be deleted.\n'],
}

/** Chooses notes of the vault; for the roles that none can play, writes new ones into `Tandem demo`. */
export async function prepareNotes(vault: string, files: readonly WalkedFile[]): Promise<DemoNotes> {
  const notes = new Map<string, number>()
  for (const file of files.filter(isCandidate).slice(0, MAX_READ)) {
    const text = await readText(file.file)
    if (text !== null) notes.set(file.path, plainParagraphs(text).length)
  }
  const chosen = chooseNotes(notes)
  const missing = (Object.keys(OWN_NOTES) as (keyof DemoNotes)[]).filter((role) => chosen[role] === undefined)
  const own = await writeOwnNotes(vault, missing)
  return { ...(chosen as DemoNotes), ...own }
}

/** By the number of plain paragraphs per path. Pure, and the same for the same vault. */
export function chooseNotes(paragraphs: ReadonlyMap<string, number>): Partial<DemoNotes> {
  const left = new Map(paragraphs)
  const take = (atLeast: number): string | undefined => {
    const path = [...left].find(([, count]) => count >= atLeast)?.[0]
    if (path !== undefined) left.delete(path)
    return path
  }
  // The most demanding first. With a paragraph in between, what merges is seen best.
  const merged = take(3) ?? take(2)
  const edited = take(1)
  const renamed = take(0)
  const deleted = take(0)
  return Object.fromEntries(
    Object.entries({ merged, edited, renamed, deleted }).filter(([, path]) => path !== undefined),
  )
}

/** A person's own notes: not those of plugins and themes, templates, or the texts that come with a published vault. */
function isCandidate({ path, bytes }: WalkedFile): boolean {
  return (
    /\.md$/i.test(path) &&
    bytes >= MIN_BYTES &&
    bytes <= MAX_BYTES &&
    Buffer.byteLength(path) <= MAX_PATH_BYTES &&
    !/(^|\/)\./.test(path) &&
    !/(^|\/)(templates?\/|(readme|license)\b)/i.test(path)
  )
}

/** Null when it is not UTF-8, or cannot be read. */
export async function readText(file: string): Promise<string | null> {
  try {
    // A byte order mark stays, so that the note is written back as it was.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(file))
  } catch {
    return null
  }
}

async function writeOwnNotes(vault: string, roles: readonly (keyof DemoNotes)[]): Promise<Partial<DemoNotes>> {
  const written: Partial<Record<keyof DemoNotes, string>> = {}
  if (roles.length) await mkdir(join(vault, DEMO_FOLDER), { recursive: true })
  for (const role of roles) {
    const [name, text] = OWN_NOTES[role]
    written[role] = `${DEMO_FOLDER}/${name}`
    await writeFile(join(vault, written[role]), text)
  }
  return written
}
