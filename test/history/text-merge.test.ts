import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { diffSequences } from '../../src/history/sequence-diff.ts'
import { mergeOrder } from '../../src/history/sequence-merge.ts'
import { mergeAddedText, mergeText } from '../../src/history/text-merge.ts'

const run = promisify(execFile)
const clean = (text: string) => ({ clean: true, text })
const UNCLEAN = { clean: false }

/** Few different lines, so that they repeat; also line ends of both kinds, and a last line without one. */
const line = fc.constantFrom('\n', 'a\n', 'b\n', 'c\n', 'd e\n', 'f\r\n')
const lines = fc.array(line, { maxLength: 12 })
const text = fc.tuple(lines, fc.constantFrom('', 'end')).map(([all, end]) => all.join('') + end)

/** A text and two that come from it by a few edits each. */
const edited = (base: string[]) =>
  fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.array(line, { maxLength: 2 })), { maxLength: 2 }).map((edits) => {
    const result = [...base]
    for (const [at, removed, added] of edits) result.splice(at % (result.length + 1), removed, ...added)
    return result.join('')
  })
const threeTexts = lines.chain((base) => fc.tuple(fc.constant(base.join('')), edited(base), edited(base)))

describe('diffSequences', () => {
  const sequence = fc.array(fc.nat({ max: 3 }), { maxLength: 30 }).map((items) => Int32Array.from(items))

  it('gives hunks that turn one sequence into the other, as few changes as there can be', () => {
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const hunks = diffSequences(a, b, { left: Infinity })!
        const rebuilt: number[] = []
        let at = 0
        let changes = 0
        for (const hunk of hunks) {
          rebuilt.push(...a.slice(at, hunk.aFrom), ...b.slice(hunk.bFrom, hunk.bTo))
          changes += hunk.aTo - hunk.aFrom + hunk.bTo - hunk.bFrom
          expect(hunk.aFrom).toBeGreaterThanOrEqual(at)
          at = hunk.aTo
        }
        expect([...rebuilt, ...a.slice(at)]).toEqual([...b])
        expect(changes).toBe(editDistance(a, b))
      }),
      { numRuns: 300 },
    )
  })

  it('puts an insertion that could lie at several places at the last one', () => {
    expect(diffSequences(Int32Array.of(1, 2, 1, 2, 3), Int32Array.of(1, 2, 1, 2, 1, 2, 3), { left: Infinity })).toEqual(
      [{ aFrom: 4, aTo: 4, bFrom: 4, bTo: 6 }],
    )
  })

  it('gives up when its budget of steps runs out', () => {
    const a = Int32Array.from({ length: 500 }, (_, i) => i)
    const b = a.map((n) => n + 1_000)
    expect(diffSequences(a, b, { left: 10_000 })).toBeUndefined()
    expect(diffSequences(a, a, { left: 10 })).toEqual([])
  })
})

describe('mergeText', () => {
  it('merges edits of different lines', () => {
    expect(mergeText('one\ntwo\nthree\n', 'ONE\ntwo\nthree\n', 'one\ntwo\nTHREE\n')).toEqual(clean('ONE\ntwo\nTHREE\n'))
  })

  it('takes the same change on both sides once', () => {
    expect(mergeText('a\nb\n', 'a\nnew\nb\nx\n', 'y\na\nnew\nb\n')).toEqual(clean('y\na\nnew\nb\nx\n'))
  })

  it('[V7] merges by words where both changed a line', () => {
    expect(mergeText('The cat sat.\n', 'The black cat sat.\n', 'The cat sat down.\n')).toEqual(
      clean('The black cat sat down.\n'),
    )
    expect(mergeText('猫が好き\n', '黒猫が好き\n', '猫が大好き\n')).toEqual(clean('黒猫が大好き\n'))
  })

  it('[V6] leaves a word that both changed, and lines that both added at one place, to two files', () => {
    expect(mergeText('The cat sat.\n', 'The dog sat.\n', 'The cow sat.\n')).toEqual(UNCLEAN)
    expect(mergeText('a\n', 'a\nleft\n', 'a\nright\n')).toEqual(UNCLEAN)
  })

  it('makes no third date, number or address of two', () => {
    expect(mergeText('due 2026-01-01', 'due 2026-01-05', 'due 2026-03-01')).toEqual(UNCLEAN)
    expect(mergeText('at 10:30', 'at 11:30', 'at 10:45')).toEqual(UNCLEAN)
    expect(mergeText('see https://a.example/x', 'see https://b.example/x', 'see https://a.example/y')).toEqual(UNCLEAN)
  })

  it('never touches line ends, a missing last newline or a byte order mark', () => {
    expect(mergeText('a\r\nb\r\nc', 'A\r\nb\r\nc', 'a\r\nb\r\nC')).toEqual(clean('A\r\nb\r\nC'))
    expect(mergeText('\uFEFFa\nb\nc\n', '\uFEFFA\nb\nc\n', '\uFEFFa\nb\nC')).toEqual(clean('\uFEFFA\nb\nC'))
  })

  it('[V5] is symmetric', () => {
    fc.assert(
      fc.property(fc.oneof(threeTexts, fc.tuple(text, text, text)), ([base, left, right]) => {
        expect(mergeText(base, left, right)).toEqual(mergeText(base, right, left))
      }),
      { numRuns: 500 },
    )
  })

  it('[V6] keeps every word that a side added', () => {
    const words = fc.array(fc.constantFrom('one', 'two', 'red', 'blue', '\n', '\n'), { maxLength: 12 })
    const added = (base: string[], own: string) =>
      fc.array(fc.nat(), { maxLength: 3 }).map((places) => {
        const result = [...base]
        places.forEach((place, i) => result.splice(place % (result.length + 1), i % 2, `${own}${i}`))
        return result.join(' ')
      })
    const three = words.chain((base) =>
      fc.tuple(fc.constant(base.join(' ')), added(base, 'left'), added(base, 'right')),
    )
    fc.assert(
      fc.property(three, ([base, left, right]) => {
        const merged = mergeText(base, left, right)
        if (!merged.clean) return
        const kept = new Set(merged.text.match(/\w+/g))
        for (const word of `${left} ${right}`.match(/(left|right)\d/g) ?? []) expect(kept).toContain(word)
      }),
      { numRuns: 300 },
    )
  })

  it('keeps both when the work would be too much, and merges long notes with small edits', () => {
    const long = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`)
    const rewritten = (word: string) => long.map((_, i) => `${word} ${i}\n`).join('')
    expect(mergeText(long.join(''), rewritten('left'), rewritten('right'))).toEqual(UNCLEAN)
    const left = ['first\n', ...long].join('')
    const right = [...long, 'last\n'].join('')
    expect(mergeText(long.join(''), left, right)).toEqual(clean(['first\n', ...long, 'last\n'].join('')))
  })
})

describe('mergeAddedText', () => {
  it('[V7] takes the one that holds every line of the other', () => {
    expect(mergeAddedText('a\nb\n', 'a\nb\n')).toEqual(clean('a\nb\n'))
    expect(mergeAddedText('# Day\n', '# Day\nwritten\n')).toEqual(clean('# Day\nwritten\n'))
    expect(mergeAddedText('# Day\nx\ny', '# Day\ny\n')).toEqual(clean('# Day\nx\ny'))
    expect(mergeAddedText('', 'text')).toEqual(clean('text'))
    expect(mergeAddedText('a\nb\n', 'b\na\n')).toEqual(UNCLEAN)
  })

  it('[V5] is symmetric', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(mergeAddedText(a, b)).toEqual(mergeAddedText(b, a))
      }),
    )
  })
})

describe('mergeOrder', () => {
  it('[V5] is symmetric, and names everything once', () => {
    const names = fc.uniqueArray(fc.constantFrom(...'abcdefg'), { maxLength: 6 })
    fc.assert(
      fc.property(names, names, names, (base, left, right) => {
        const order = mergeOrder(base, left, right)
        expect(mergeOrder(base, right, left)).toEqual(order)
        expect([...order].sort()).toEqual([...new Set([...left, ...right])].sort())
      }),
    )
  })
})

describe('against stock git', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'merge-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('gives what `git merge-file` gives, wherever that is clean', async () => {
    let cleanCases = 0
    for (const [i, [base, left, right]] of fc.sample(threeTexts, { numRuns: 150, seed: 7 }).entries()) {
      const names = ['left', 'base', 'right'].map((name) => join(folder, `${i}-${name}`))
      await Promise.all([left, base, right].map((content, n) => writeFile(names[n]!, content)))
      const git = await run('git', ['merge-file', '-p', ...names]).catch(() => null)
      if (git === null) continue
      cleanCases++
      expect(mergeText(base, left, right), JSON.stringify([base, left, right])).toEqual(clean(git.stdout))
    }
    expect(cleanCases).toBeGreaterThan(40)
  })
})

/** Insertions and deletions on a shortest way, by the textbook's table. */
function editDistance(a: Int32Array, b: Int32Array): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++)
      next.push(a[i - 1] === b[j - 1] ? row[j - 1]! : 1 + Math.min(row[j]!, next[j - 1]!))
    row = next
  }
  return row[b.length]!
}
