/** A stretch of a text that is replaced: offsets in the text before, in UTF-16 units. */
export interface TextChange {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Above this many lines or words in a stretch it is replaced as a whole: nobody reads on inside it. */
const MOST_TOKENS = 200_000
const MOST_WORDS = 4_000

/**
 * Small changes that turn one text into the other, in order, not touching each other. Lines first, then words inside the lines
 * that differ; what both texts share stays untouched, and with it the cursor, the selection and the undo history in it.
 * Not always the fewest possible; always right: {@link applyChanges} of them gives `after`.
 */
export function editorChanges(before: string, after: string): TextChange[] {
  const changes: TextChange[] = []
  const lines = diffTokens(split(before, LINES), split(after, LINES), MOST_TOKENS)
  for (const { from, to, text } of lines) {
    const old = before.slice(from, to)
    const words = old === '' || text === '' ? undefined : diffTokens(split(old, WORDS), split(text, WORDS), MOST_WORDS)
    for (const change of words ?? [{ from: 0, to: old.length, text }])
      addTrimmed(changes, before, { from: from + change.from, to: from + change.to, text: change.text })
  }
  return changes
}

/** The text after the changes. */
export function applyChanges(before: string, changes: readonly TextChange[]): string {
  let at = 0
  let after = ''
  for (const { from, to, text } of changes) {
    after += before.slice(at, from) + text
    at = to
  }
  return after + before.slice(at)
}

/** Where a cursor goes: it stays before the same character; inside a stretch that is replaced, at its beginning; before what is inserted at it. */
export function mapOffset(offset: number, changes: readonly TextChange[]): number {
  let moved = 0
  for (const { from, to, text } of changes) {
    if (offset <= from) break
    if (offset < to) return from + moved
    moved += text.length - (to - from)
  }
  return offset + moved
}

const LINES = /[^\n]*\n|[^\n]+$/g
const WORDS = /(?:\p{L}|\p{N}|\p{M}|_)+|[^]/gu

const split = (text: string, tokens: RegExp): string[] => text.match(tokens) ?? []

/** Half-open ranges of tokens on both sides. */
interface Box {
  readonly aFrom: number
  readonly aTo: number
  readonly bFrom: number
  readonly bTo: number
}

/**
 * Patience diff: tokens that occur once on both sides and keep their order are anchors; between two anchors it starts again. It
 * needs no more than n log n steps and aligns on what is telling (a heading) rather than on blank lines.
 */
function diffTokens(a: readonly string[], b: readonly string[], most: number): TextChange[] {
  const offsets = offsetsOf(a)
  const changes: TextChange[] = []
  const boxes: Box[] = [{ aFrom: 0, aTo: a.length, bFrom: 0, bTo: b.length }]
  for (let box = boxes.pop(); box; box = boxes.pop()) {
    const rest = trim(a, b, box)
    if (rest.aFrom === rest.aTo && rest.bFrom === rest.bTo) continue
    const size = rest.aTo - rest.aFrom + rest.bTo - rest.bFrom
    const anchors = size > most ? [] : anchorsIn(a, b, rest)
    if (anchors.length > 0) boxes.push(...between(rest, anchors).reverse())
    else
      changes.push({
        from: offsets[rest.aFrom]!,
        to: offsets[rest.aTo]!,
        text: b.slice(rest.bFrom, rest.bTo).join(''),
      })
  }
  return changes
}

function offsetsOf(tokens: readonly string[]): number[] {
  const offsets = [0]
  for (const token of tokens) offsets.push(offsets.at(-1)! + token.length)
  return offsets
}

function trim(a: readonly string[], b: readonly string[], box: Box): Box {
  let { aFrom, aTo, bFrom, bTo } = box
  for (; aFrom < aTo && bFrom < bTo && a[aFrom] === b[bFrom]; aFrom++) bFrom++
  for (; aFrom < aTo && bFrom < bTo && a[aTo - 1] === b[bTo - 1]; aTo--) bTo--
  return { aFrom, aTo, bFrom, bTo }
}

/** Pairs of places of a token that is there once on either side, rising on both. */
function anchorsIn(a: readonly string[], b: readonly string[], box: Box): (readonly [number, number])[] {
  const once = (tokens: readonly string[], from: number, to: number): Map<string, number> => {
    const places = new Map<string, number>()
    for (let i = from; i < to; i++) places.set(tokens[i]!, places.has(tokens[i]!) ? -1 : i)
    return places
  }
  const inB = once(b, box.bFrom, box.bTo)
  const pairs: [number, number][] = []
  for (const [token, at] of once(a, box.aFrom, box.aTo)) {
    const other = inB.get(token) ?? -1
    if (at >= 0 && other >= 0) pairs.push([at, other])
  }
  return longestRise(pairs.sort(([x], [y]) => x - y))
}

/** The longest run of pairs whose second numbers rise (patience sorting). */
function longestRise(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const tops: number[] = []
  const before = new Int32Array(pairs.length)
  for (const [i, [, value]] of pairs.entries()) {
    let low = 0
    let high = tops.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (pairs[tops[middle]!]![1] < value) low = middle + 1
      else high = middle
    }
    before[i] = low > 0 ? tops[low - 1]! : -1
    tops[low] = i
  }
  const rise: (readonly [number, number])[] = []
  for (let i = tops.at(-1) ?? -1; i >= 0; i = before[i]!) rise.push(pairs[i]!)
  return rise.reverse()
}

/** The boxes before, between and behind the anchors. */
function between(box: Box, anchors: readonly (readonly [number, number])[]): Box[] {
  const boxes: Box[] = []
  let { aFrom, bFrom } = box
  for (const [inA, inB] of anchors) {
    boxes.push({ aFrom, aTo: inA, bFrom, bTo: inB })
    aFrom = inA + 1
    bFrom = inB + 1
  }
  boxes.push({ aFrom, aTo: box.aTo, bFrom, bTo: box.bTo })
  return boxes
}

/** Adds a change without the characters that stay the same at its ends; never cuts a pair of surrogates. */
function addTrimmed(changes: TextChange[], before: string, change: TextChange): void {
  const old = before.slice(change.from, change.to)
  const { text } = change
  let head = 0
  while (head < old.length && head < text.length && old[head] === text[head]) head++
  if (head > 0 && isHighSurrogate(old, head - 1)) head--
  let tail = 0
  const most = Math.min(old.length, text.length) - head
  while (tail < most && old[old.length - 1 - tail] === text[text.length - 1 - tail]) tail++
  if (tail > 0 && isLowSurrogate(old, old.length - tail)) tail--
  const trimmed = { from: change.from + head, to: change.to - tail, text: text.slice(head, text.length - tail) }
  if (trimmed.from === trimmed.to && trimmed.text === '') return
  const last = changes.at(-1)
  // Two that touch are one: an editor would not know in which order to insert them.
  if (last && last.to === trimmed.from)
    changes[changes.length - 1] = { from: last.from, to: trimmed.to, text: last.text + trimmed.text }
  else changes.push(trimmed)
}

const isHighSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xd800
const isLowSurrogate = (text: string, at: number): boolean => (text.charCodeAt(at) & 0xfc00) === 0xdc00
