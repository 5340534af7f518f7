import fs from 'node:fs'
import path from 'node:path'
import { StoreError } from '../../ports/errors.ts'
import { fsyncFolder, makeFolder, replaceFile } from './durable-files.ts'
import { errnoOf, fsFailure } from './fs-failure.ts'
import { removeStaleTemporaries, temporaryName } from './temporary-files.ts'

/**
 * The repository must survive its user's `git gc`: objects that no ref reaches yet (a fetch under way, a merge to come) are
 * never pruned, git starts no clean-up of its own, and blobs above LARGE_BLOB are never made deltas, so that they can be streamed.
 * Only a person's explicit `--prune=now` goes over it.
 */
const SETTINGS: readonly (readonly [section: string, key: string, value: string])[] = [
  ['core', 'bigFileThreshold', '4m'],
  ['gc', 'auto', '0'],
  ['gc', 'pruneExpire', 'never'],
  ['maintenance', 'auto', 'false'],
  ['receive', 'autogc', 'false'],
]
const CONFIG = withSettings('[core]\n\trepositoryformatversion = 0\n\tfilemode = false\n\tbare = true\n')
const HEAD = 'ref: refs/heads/main\n'
const DESCRIPTION = 'History of an Obsidian vault, kept by Tandem.\n'
const FOLDERS = ['objects/info', 'objects/pack', 'refs/heads']
/** What an interrupted creation of ours may have left. */
const OWN_NAMES = new Set(['objects', 'refs', 'config', 'description', 'tandem-partial'])

/**
 * Makes sure that a bare git repository lies in the folder, creating it if the folder is absent or empty. Idempotent; interrupted
 * anywhere, the next call completes it.
 * @throws StoreError `not-a-repository` when the folder holds something else (nothing is touched then), `disk-full`, `unwritable`.
 */
export async function openBareRepository(folder: string): Promise<void> {
  try {
    if (isRepository(folder)) return keepSettings(folder)
    makeFolder(folder)
    for (const name of FOLDERS) makeFolder(path.join(folder, name))
    removeStaleTemporaries(folder)
    writeIfAbsent(folder, 'description', DESCRIPTION)
    writeIfAbsent(folder, 'config', CONFIG)
    // Last: with HEAD there, everything is.
    writeIfAbsent(folder, 'HEAD', HEAD)
    fsyncFolder(folder)
  } catch (error) {
    throw fsFailure(error, 'write', folder)
  }
}

function isRepository(folder: string): boolean {
  let names: string[]
  try {
    names = fs.readdirSync(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    if (errnoOf(error) === 'ENOTDIR') throw notRepository(folder, 'is a file')
    throw error
  }
  if (!names.includes('HEAD')) {
    const foreign = names.find((name) => !OWN_NAMES.has(name) && !name.startsWith('tmp_file_tandem_'))
    if (foreign !== undefined) throw notRepository(folder, `holds ${JSON.stringify(foreign)} and no git repository`)
    return false
  }
  if (!names.includes('objects') || !names.includes('refs') || !names.includes('config'))
    throw notRepository(folder, 'is no whole git repository')
  const config = fs.readFileSync(path.join(folder, 'config'), 'utf8')
  if (!/^\s*bare\s*=\s*true\s*$/im.test(config)) throw notRepository(folder, 'is not a bare repository')
  if (/^\s*repositoryformatversion\s*=\s*[1-9]/im.test(config))
    throw notRepository(folder, 'is a git repository of a newer format')
  // Git removes them when they are empty.
  for (const name of FOLDERS) makeFolder(path.join(folder, name))
  return true
}

/** A repository of an older version, or one that git made, may lack some of our settings. Those that somebody chose stay. */
function keepSettings(folder: string): void {
  const file = path.join(folder, 'config')
  const before = fs.readFileSync(file, 'utf8')
  const after = withSettings(before)
  if (after !== before) replaceFile(file, path.join(folder, temporaryName('file')), Buffer.from(after))
}

/** Adds the settings that a config file lacks. A section may stand in it more than once. */
function withSettings(config: string): string {
  const there = new Set<string>()
  let section = ''
  for (const line of config.split('\n')) {
    section = /^\s*\[\s*([^\]]*?)\s*\]/.exec(line)?.[1]?.toLowerCase() ?? section
    const key = /^\s*(?:\[[^\]]*\]\s*)?([A-Za-z][A-Za-z0-9-]*)\s*(?:=|$)/.exec(line)?.[1]
    if (key) there.add(`${section}.${key.toLowerCase()}`)
  }
  const lacking = SETTINGS.filter(([name, key]) => !there.has(`${name}.${key.toLowerCase()}`))
  const sections = [...new Set(lacking.map(([name]) => name))].map((name) => {
    const lines = lacking.filter(([other]) => other === name).map(([, key, value]) => `\t${key} = ${value}\n`)
    return `[${name}]\n${lines.join('')}`
  })
  return `${config}${config === '' || config.endsWith('\n') || !sections.length ? '' : '\n'}${sections.join('')}`
}

function notRepository(folder: string, reason: string): StoreError {
  return new StoreError('not-a-repository', `${folder} ${reason}`, { path: folder })
}

function writeIfAbsent(folder: string, name: string, content: string): void {
  const file = path.join(folder, name)
  if (!fs.existsSync(file)) replaceFile(file, path.join(folder, temporaryName('file')), Buffer.from(content))
}
