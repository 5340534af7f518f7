import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isGitDirName } from '../../src/objects/git-dir-name.ts'
import { StockGit } from '../support/git.ts'

const anyDisguise = fc
  .array(
    fc.constantFrom(
      '.git',
      '.GiT',
      'git~1',
      'GIT~1',
      '.g',
      'it',
      '.',
      ' ',
      '\\',
      ':',
      'x',
      '\u200c',
      '\u202b',
      '\ufeff',
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join(''))
  .filter((name) => name !== '.' && name !== '..')

describe('isGitDirName', () => {
  let git: StockGit
  beforeAll(() => (git = StockGit.create()))
  afterAll(() => git.dispose())

  it('[E6] refuses exactly what git fsck refuses', () => {
    const blob = git.runWith({ input: '' }, 'hash-object', '-w', '--stdin').toString().trim()
    const names = [...new Set(fc.sample(anyDisguise, { numRuns: 1500, seed: 2 }))]
    const input = names.map((name) => `100644 blob ${blob}\t${name}\0\0`).join('')
    const trees = git.runWith({ input }, 'mktree', '-z', '--batch').toString().trim().split('\n')
    expect(new Set(trees).size).toBe(names.length)
    let complaints = ''
    try {
      git.run('fsck', '--strict')
    } catch (error) {
      complaints = String(error)
    }
    const refused = names.filter((_, i) => complaints.includes(`${trees[i]}: hasDotgit`))
    expect(refused.length).toBeGreaterThan(50)
    expect(names.filter(isGitDirName)).toEqual(refused)
  })
})
