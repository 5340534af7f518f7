import { mergeOrder } from './sequence-merge.ts'
import { mergeText, splitLines } from './text-merge.ts'

type Properties = ReadonlyMap<string, string>

/** Properties that plugins set to the time of the last edit: both sides always differ, and the later one is right. */
const EDIT_TIME =
  /^["']?(?:(?:date|time|last)?[-_ ]?(?:modified|updated|edited)(?:[-_ ]?(?:at|on|date|time))?|mtime)["']?$/i
/** A date, a date with a time, or digits: of one shape and length these order as text. */
const TIME_VALUE = /^\d[\dT :.Z/+-]*$/

/**
 * Merges frontmatter property by property (V7): the blocks of the result in order, or null when a property was changed
 * differently on both sides. Lists merge by item. A property that one side changed and the other removed stays, as with
 * files. Symmetric (V5).
 */
export function mergeProperties(base: Properties, left: Properties, right: Properties): string[] | null {
  const merged: string[] = []
  for (const key of mergeOrder([...base.keys()], [...left.keys()], [...right.keys()])) {
    const block = mergeProperty(key, base.get(key), left.get(key), right.get(key))
    if (block === null) return null
    if (block !== undefined) merged.push(block)
  }
  return merged
}

/** Undefined: the property is gone. Null: it does not merge. */
function mergeProperty(
  key: string,
  base: string | undefined,
  left: string | undefined,
  right: string | undefined,
): string | undefined | null {
  if (left === right || right === base) return left
  if (left === base) return right
  if (left === undefined) return right
  if (right === undefined) return left
  const later = EDIT_TIME.test(key) ? laterValue(left, right) : null
  if (later !== null) return later
  const list = mergeList(base, left, right)
  if (list !== null) return list
  if (base === undefined || splitLines(base).length < 2) return null
  // A value is one thing: its words don't mix.
  const text = mergeText(base, left, right, { words: false })
  return text.clean ? text.text : null
}

function laterValue(left: string, right: string): string | null {
  const leftValue = scalar(left)
  const rightValue = scalar(right)
  if (!TIME_VALUE.test(leftValue) || !TIME_VALUE.test(rightValue)) return null
  if (leftValue.replace(/\d/g, '0') !== rightValue.replace(/\d/g, '0')) return null
  if (leftValue === rightValue) return left < right ? left : right
  return leftValue > rightValue ? left : right
}

function scalar(block: string): string {
  return block
    .slice(block.indexOf(':') + 1)
    .trim()
    .replace(/^(["'])(.*)\1$/s, '$2')
}

/** A property whose value is a list, as the items' text and the way to write it. */
interface ListBlock {
  readonly items: readonly string[]
  readonly write: (items: readonly string[]) => string
}

/** Items that a side added come in, items that a side removed go. Null when the value is not a list on both sides. */
function mergeList(base: string | undefined, left: string, right: string): string | null {
  const leftList = parseList(left)
  const rightList = parseList(right)
  const baseList = base === undefined ? null : parseList(base)
  if (!leftList || !rightList || (base !== undefined && !baseList)) return null
  const baseItems = baseList?.items ?? []
  if ([baseItems, leftList.items, rightList.items].some((items) => new Set(items).size < items.length)) return null
  const items = mergeOrder(baseItems, leftList.items, rightList.items).filter((item) => {
    const inLeft = leftList.items.includes(item)
    const inRight = rightList.items.includes(item)
    return inLeft && inRight ? true : (inLeft || inRight) && !baseItems.includes(item)
  })
  // Two ways of writing: the one that changed it, else that of the smaller text.
  const leftWrites = leftList.write(items)
  const rightWrites = rightList.write(items)
  if (leftWrites === rightWrites || rightWrites === baseList?.write(items)) return leftWrites
  if (leftWrites === baseList?.write(items)) return rightWrites
  return leftWrites < rightWrites ? leftWrites : rightWrites
}

function parseList(block: string): ListBlock | null {
  return parseFlowList(block) ?? parseBlockList(block)
}

/** `key: [a, b]`, items without quotes, brackets or comments. */
function parseFlowList(block: string): ListBlock | null {
  const match = /^([^\r\n]*?:[ \t]*\[)([^[\]{}"'#\r\n]*)(\][ \t]*(?:\r?\n)?)$/.exec(block)
  if (!match) return null
  const [, open, inner, close] = match
  const items = inner!.split(',').map((item) => item.trim())
  if (items.length === 1 && items[0] === '') items.pop()
  if (items.includes('')) return null
  return { items, write: (next) => open! + next.join(', ') + close! }
}

/** `key:` and one `- item` per line, all indented alike. */
function parseBlockList(block: string): ListBlock | null {
  const [head, ...lines] = splitLines(block)
  if (head === undefined || !/:[ \t]*\r?\n$/.test(head)) return null
  const end = head.endsWith('\r\n') ? '\r\n' : '\n'
  const indents = new Set<string>()
  const items: string[] = []
  for (const line of lines) {
    const match = /^([ \t]*- +)(\S[^\r\n]*?)[ \t]*\r?\n$/.exec(line)
    // An item that is a mapping, or that goes on below, is more than its line.
    if (!match || /:(?:\s|$)/.test(match[2]!) || /^[|>&*{[]/.test(match[2]!)) return null
    indents.add(match[1]!)
    items.push(match[2]!)
  }
  if (indents.size > 1) return null
  const indent = [...indents][0] ?? '  - '
  return { items, write: (next) => head + next.map((item) => indent + item + end).join('') }
}
