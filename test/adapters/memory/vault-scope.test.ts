import { describe, expect, it } from 'vitest'
import { trashNames } from '../../../src/adapters/memory/trash-name.ts'
import { createScope, isTemporaryName, temporaryName } from '../../../src/adapters/memory/vault-scope.ts'

describe('the scope', () => {
  it.each(['.trash', '.Trash/a.md', 'a/.GIT/config', '.git', 'a/.tandem-1.tmp', '.tandem.tmp/x', 'a/.DS_Store'])(
    'never holds %s, in any case where the disk may fold it',
    (path) => expect(createScope()(path)).toBe(false),
  )

  it.each([
    'a/.trash/b.md',
    '.trashed.md',
    '.github/x.yml',
    '.gitignore',
    'x.git/y',
    'a/tandem.tmp',
    'a/.tandem-1.tmp.md',
    '.ds_store',
    'thumbs.DB',
  ])('holds %s', (path) => expect(createScope()(path)).toBe(true))

  it('[E8] never holds the own plugin folder, and no other plugin’s', () => {
    const inScope = createScope({ configDir: '.my config' })
    expect(inScope('.my config/plugins/tandem-sync')).toBe(false)
    expect(inScope('.my config/plugins/tandem-sync/data.json')).toBe(false)
    expect(inScope('.my config/plugins/tandem-sync-extra/data.json')).toBe(true)
    expect(inScope('.obsidian/plugins/tandem-sync/data.json')).toBe(true)
  })

  it('[E8] with the config folder off leaves out all of it, and nothing beside it', () => {
    const inScope = createScope({ configFolder: false })
    expect(['.obsidian', '.obsidian/app.json', '.obsidian.md', 'sub/.obsidian/app.json'].map(inScope)).toEqual([
      false,
      false,
      true,
      true,
    ])
  })
})

describe('temporary names', () => {
  it('are known again, and no others', () => {
    expect(isTemporaryName(temporaryName('0123456789abcdef'))).toBe(true)
    expect(
      ['.tandem-x.tmp', '.tandem-0123456789abcdef.tmp.md', 'tandem-0123456789abcdef.tmp'].some(isTemporaryName),
    ).toBe(false)
  })
})

describe('names in the trash', () => {
  const third = (path: string): string => [...take(trashNames(path), 3)][2]!
  function* take<T>(from: Iterable<T>, count: number): Generator<T> {
    for (const one of from) {
      if (count-- <= 0) return
      yield one
    }
  }

  it.each([
    ['note.md', 'note (3).md'],
    ['a.b/no extension', 'a.b/no extension (3)'],
    ['a/.hidden', 'a/.hidden (3)'],
    ['a/x.tar.gz', 'a/x.tar (3).gz'],
    ['🦄.md', '🦄 (3).md'],
  ])('the third of %s is %s', (path, name) => expect(third(path)).toBe(name))
})
