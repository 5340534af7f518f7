import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { concatBytes } from '../../src/objects/bytes.ts'
import type { GitObject, ObjectType } from '../../src/objects/oid.ts'
import { StockGit } from './git.ts'
import { seededRandom } from './seeded-random.ts'

/** A repository with what histories hold: edits, renames, deletions, a merge, a tag, binaries, empty files, odd names. Dispose of it. */
export function aRepository(edits = 30): StockGit {
  const git = StockGit.create()
  const random = seededRandom(11)
  const write = (path: string, content: string | Uint8Array): void => {
    mkdirSync(join(git.dir, dirname(path)), { recursive: true })
    writeFileSync(join(git.dir, path), content)
  }
  const commit = (message: string): void => {
    git.run('add', '--all')
    git.run('commit', '--quiet', '--message', message)
  }
  const lines = Array.from({ length: 120 }, (_, i) => `Line ${i} ${Buffer.from(random.bytes(9)).toString('base64')}`)
  for (let i = 0; i < 40; i++) write(`notes/${i % 5}/Note ${i}.md`, `# ${i}\n${lines.slice(i, i + 20).join('\n')}\n`)
  write('empty', '')
  write('😀/ｆ.md', 'emoji and full width')
  write('a', 'file')
  write('a.b/c', 'folder that sorts after')
  const picture = random.bytes(60_000)
  write('picture.png', picture)
  commit('Begin')
  for (let i = 0; i < edits; i++) {
    lines[(i * 37) % 120] = `edited ${i}`
    write('notes/long.md', lines.join('\n'))
    if (i === 3) renameSync(join(git.dir, 'notes/0'), join(git.dir, 'notes/moved'))
    if (i === 5) rmSync(join(git.dir, 'a.b'), { recursive: true })
    if (i === 7) write('picture.png', concatBytes([picture.subarray(0, 30_000), random.bytes(9), picture]))
    commit(`Edit ${i}`)
  }
  git.run('checkout', '--quiet', '-b', 'side', 'HEAD~2')
  write('side.md', 'on the side')
  commit('Side')
  git.run('checkout', '--quiet', 'main')
  git.run('merge', '--quiet', '--no-edit', 'side')
  git.run('tag', '--annotate', '--message', 'A tag', 'v1')
  return git
}

/** Every object of the repository as `git cat-file` gives it. */
export function allObjects(git: StockGit): Map<string, GitObject> {
  const bytes = git.run('cat-file', '--batch', '--batch-all-objects')
  const objects = new Map<string, GitObject>()
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\n', at)
    const [oid, type, size] = bytes.toString('latin1', at, end).split(' ') as [string, ObjectType, string]
    const content = new Uint8Array(bytes.subarray(end + 1, end + 1 + Number(size)))
    objects.set(oid, { type, content })
    at = end + 1 + Number(size) + 1
  }
  return objects
}
