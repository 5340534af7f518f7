import { describe, expect, it } from 'vitest'
import { trashNames } from '../../../src/adapters/memory/trash-name.ts'
import { createScope, isTemporaryName, temporaryName } from '../../../src/adapters/memory/vault-scope.ts'
import type { ConfigPart } from '../../../src/adapters/memory/vault-scope.ts'

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

describe('the parts of the config folder [E8]', () => {
  const inParts = (...configParts: ConfigPart[]) => {
    const inScope = createScope({ configParts })
    return (...names: string[]): string[] => names.filter((name) => inScope(`.obsidian/${name}`))
  }
  const NAMES = [
    'app.json',
    'types.json',
    'appearance.json',
    'themes/One/theme.css',
    'snippets/one.css',
    'hotkeys.json',
    'core-plugins.json',
    'daily-notes.json',
    'community-plugins.json',
    'plugins/other/data.json',
  ]

  it.each([
    ['settings', ['app.json', 'types.json']],
    ['appearance', ['appearance.json', 'themes/One/theme.css', 'snippets/one.css']],
    ['hotkeys', ['hotkeys.json']],
    ['core-plugins', ['core-plugins.json', 'daily-notes.json']],
    ['community-plugins', ['community-plugins.json', 'plugins/other/data.json']],
  ] as const)('%s are chosen by themselves', (part, names) => {
    expect(inParts(part)(...NAMES)).toEqual(names)
  })

  it('none chosen is the whole folder left out; whoever looks for some finds the folders on the way', () => {
    expect([createScope({ configParts: [] })('.obsidian'), inParts()(...NAMES)]).toEqual([false, []])
    expect(createScope({ configParts: ['hotkeys'] })('.obsidian')).toBe(true)
    expect(inParts('community-plugins', 'appearance')('plugins', 'plugins/other', 'themes')).toHaveLength(3)
    expect(inParts('hotkeys')('plugins', 'themes')).toEqual([])
  })

  it('never hold the window layout, the own plugin, the state of Obsidian Sync, or unknown folders', () => {
    const all = inParts('settings', 'appearance', 'hotkeys', 'core-plugins', 'community-plugins')
    expect(all(...NAMES)).toEqual(NAMES)
    expect(
      all('workspace.json', 'workspace-mobile.json', 'plugins/tandem-sync/data.json', 'sync.json', 'cache/x.json'),
    ).toEqual([])
  })
})

describe('what else can be left out', () => {
  it('hidden files, but not the config folder', () => {
    const inScope = createScope({ hiddenFiles: false })
    expect(['.gitignore', 'a/.b/c.md', '.obsidian/app.json', 'a.b/c.md', 'a/b.'].map(inScope)).toEqual([
      false,
      false,
      true,
      true,
      true,
    ])
  })

  it('chosen folders with all in them, and nothing beside them', () => {
    const inScope = createScope({ excludedFolders: ['Archive', 'caf\u00e9'.normalize('NFD')] })
    expect(['Archive', 'Archive/a.md', 'Archive 2/a.md', 'sub/Archive/a.md', 'caf\u00e9/a.md'].map(inScope)).toEqual([
      false,
      false,
      true,
      true,
      false,
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
