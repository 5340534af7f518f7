import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeUtf8 } from '../../src/objects/bytes.ts'
import { caseKey, parseVaultPath, portableNameProblem, vaultPathProblem } from '../../src/objects/vault-path.ts'
import { expectCorrupt } from '../support/corrupt.ts'

describe('parseVaultPath', () => {
  it('[E6] takes ordinary paths as they are', () => {
    for (const path of [
      'Note.md',
      'Daily/2024-01-01.md',
      'no extension',
      '.obsidian/app.json',
      '.gitignore',
      '.github/x',
      'git~2',
      'a.git',
      '..a',
      '...',
      'Emoji 😀/👩‍👩‍👧.md',
      '日本語.md',
      'a\\b.md',
      'C:note.md',
      'x/C:/y',
    ]) {
      expect(parseVaultPath(path)).toBe(path)
    }
  })

  it('[E6] normalises to NFC', () => {
    expect(parseVaultPath('Cafe\u0301/A\u030a.md')).toBe('Café/Å.md')
  })

  it.each([
    ['nothing', ''],
    ['a dot', './a'],
    ['two dots', 'a/../b'],
    ['two dots alone', '..'],
    ['an empty name', 'a//b'],
    ['a folder', 'a/'],
    ['an absolute path', '/etc/passwd'],
    ['a drive letter', 'C:/Windows'],
    ['a drive', 'c:'],
    ['NUL', 'a\0b'],
    ['a line feed', 'a\nb'],
    ['DEL', 'a\x7fb'],
    ['a C1 control', 'a\x85b'],
    ['a lone surrogate', 'a\ud83d.md'],
    ['.git', '.git/config'],
    ['.git below', 'a/.git/hooks/post-checkout'],
    ['.GiT', 'a/.GiT'],
    ['.git with dots and spaces', '.git . .'],
    ['a stream of .git', '.git::$INDEX_ALLOCATION/config'],
    ['the short name of .git', 'GIT~1'],
    ['what HFS+ takes for .git', '.g\u200cit/config'],
    ['what HFS+ takes for .git, with a mark', '\ufeff.git'],
    ['.git behind a backslash', 'a\\.git\\config'],
    ['a name of 256 bytes', 'a'.repeat(256)],
    ['a name of 256 bytes in UTF-8', 'é'.repeat(128)],
    ['a path of more than 4 KiB', 'abcdefg/'.repeat(512) + 'x'],
  ])('[E6] refuses %s', (_, path) => {
    expectCorrupt(() => parseVaultPath(path), 'bad-path')
    expect(vaultPathProblem(path)).toMatch(/^The path|^A name/)
  })

  it('[T8] takes the longest names and paths that are allowed', () => {
    expect(parseVaultPath('é'.repeat(127) + 'a')).toHaveLength(128)
    expect(parseVaultPath('abcdefg/'.repeat(511) + 'abcdefgh')).toHaveLength(4096)
  })

  it('[E6] gives only paths that stay inside, survive UTF-8 and are taken again', () => {
    const name = fc.oneof(
      fc.constantFrom('.', '..', '.git', 'a', 'é', 'e\u0301', '', 'C:', '\u200d', '\ud800', '\\', '😀', '.GIT '),
      fc.string({ unit: 'binary', maxLength: 6 }),
    )
    fc.assert(
      fc.property(fc.array(name, { maxLength: 5 }), (names) => {
        const text = names.join('/')
        if (vaultPathProblem(text) !== null) {
          expectCorrupt(() => parseVaultPath(text), 'bad-path')
          return
        }
        const path = parseVaultPath(text)
        expect(path).toBe(text.normalize('NFC'))
        expect(new TextDecoder('utf-8', { ignoreBOM: true }).decode(encodeUtf8(path))).toBe(path)
        expect(parseVaultPath(path)).toBe(path)
        for (const part of path.split('/')) expect(['', '.', '..']).not.toContain(part)
      }),
      { numRuns: 800 },
    )
  })
})

describe('portableNameProblem', () => {
  it('[E6] names what Windows cannot hold', () => {
    for (const path of ['CON', 'a/nul.md', 'Com1', 'LPT9.txt', 'com¹', 'aux .md', 'CONIN$', 'conout$.x']) {
      expect(portableNameProblem(path, 'windows')).toMatch(/reserves/)
    }
    for (const path of ['a<b', 'a>b', 'a:b', 'a"b', 'a|b', 'a?b', 'a*b', 'a\\b', 'x./y', 'x ', 'x.']) {
      expect(portableNameProblem(path, 'windows')).toMatch(/allows no/)
    }
    for (const path of ['CONTENT.md', 'a.con', 'null', 'COM', 'com10', '.obsidian/x', 'a b.md']) {
      expect(portableNameProblem(path, 'windows')).toBeNull()
    }
  })

  it('[E6] names what Android cannot hold', () => {
    for (const path of ['a:b', 'x/a?', 'a\\b']) expect(portableNameProblem(path, 'android')).toMatch(/allows no/)
    for (const path of ['CON', 'x.', 'x ']) expect(portableNameProblem(path, 'android')).toBeNull()
  })

  it('[E6] lets macOS and Linux hold all of them', () => {
    for (const path of ['CON', 'a:b', 'a\\b', 'x.']) {
      expect(portableNameProblem(path, 'macos')).toBeNull()
      expect(portableNameProblem(path, 'linux')).toBeNull()
    }
  })
})

describe('caseKey', () => {
  it('[E6] is equal for case twins', () => {
    for (const [a, b] of [
      ['Note.md', 'nOTE.MD'],
      ['École', 'éCOLE'],
      ['ΣΑΣ', 'σας'],
      ['e\u0301', 'É'],
      ['ДОМ', 'дом'],
      ['𐐀', '𐐨'],
    ] as const) {
      expect(caseKey(a)).toBe(caseKey(b))
    }
  })

  it('[E6] is different for names that every file system tells apart', () => {
    for (const [a, b] of [
      ['a', 'b'],
      ['straße', 'strasse'],
      ['ı', 'i'],
      ['e', 'é'],
    ] as const) {
      expect(caseKey(a)).not.toBe(caseKey(b))
    }
  })

  it('is the key of its own key', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => caseKey(caseKey(text)) === caseKey(text)))
  })
})
