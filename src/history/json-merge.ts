import { mergeOrder } from './sequence-merge.ts'
import { mergeText } from './text-merge.ts'
import type { TextMerge } from './text-merge.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

/** Both sides changed a value differently. */
const CLASH = Symbol('clash')
/** Values within values beyond this merge as text. */
const MAX_NESTING = 64

/**
 * Merges JSON by key, and arrays of objects that carry an `id` by that id: a canvas by its nodes and edges (V7). Other
 * arrays are values, taken whole. Texts that JavaScript could not write back as they are (a number too long, a key twice)
 * merge as text. Symmetric (V5).
 */
export function mergeJsonText(base: string, left: string, right: string): TextMerge {
  if (left === right || right === base) return { clean: true, text: left }
  if (left === base) return { clean: true, text: right }
  const values = [base, left, right].map(parseLossless)
  const [baseValue, leftValue, rightValue] = values
  if (baseValue === undefined || leftValue === undefined || rightValue === undefined)
    return mergeText(base, left, right)
  const merged = mergeValue(baseValue, leftValue, rightValue)
  if (merged === CLASH || merged === undefined) return { clean: false }
  const write = writerOf(base) ?? writerOf(left < right ? left : right) ?? JSON.stringify
  return { clean: true, text: write(merged) }
}

/** The value, if writing it gives the same text but for the space between tokens; else undefined. */
function parseLossless(text: string): Json | undefined {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return undefined
  }
  if (nesting(value) > MAX_NESTING) return undefined
  return JSON.stringify(value) === withoutSpace(text) ? value : undefined
}

function withoutSpace(json: string): string {
  return json.replace(/("(?:[^"\\]|\\.)*")|\s+/g, '$1')
}

function nesting(value: Json): number {
  let depth = 0
  let level: Json[] = [value]
  while (level.length > 0 && depth <= MAX_NESTING) {
    level = level.flatMap((item) => (item !== null && typeof item === 'object' ? Object.values(item) : []))
    depth++
  }
  return depth
}

/** Undefined stands for an absent value, on the way in and out. */
function mergeValue(
  base: Json | undefined,
  left: Json | undefined,
  right: Json | undefined,
): Json | undefined | typeof CLASH {
  if (same(left, right) || same(right, base)) return left
  if (same(left, base)) return right
  // Changed beats removed, as with files.
  if (left === undefined) return right
  if (right === undefined) return left
  if (isObject(left) && isObject(right)) return mergeObjects(isObject(base) ? base : {}, left, right)
  if (Array.isArray(left) && Array.isArray(right)) {
    const parts = [base ?? [], left, right].map(byId)
    if (parts[0] && parts[1] && parts[2]) {
      const merged = mergeObjects(parts[0], parts[1], parts[2])
      return merged === CLASH ? CLASH : Object.values(merged)
    }
  }
  return CLASH
}

function mergeObjects(base: JsonObject, left: JsonObject, right: JsonObject): JsonObject | typeof CLASH {
  const entries: [string, Json][] = []
  for (const key of mergeOrder(Object.keys(base), Object.keys(left), Object.keys(right))) {
    const value = mergeValue(own(base, key), own(left, key), own(right, key))
    if (value === CLASH) return CLASH
    if (value !== undefined) entries.push([key, value])
  }
  // Makes `__proto__` a plain key, which an assignment would not.
  return Object.fromEntries(entries)
}

/** An array of objects with distinct string ids, keyed by id and in order; null for any other. */
function byId(value: Json): JsonObject | null {
  if (!Array.isArray(value)) return null
  const entries: [string, Json][] = []
  const seen = new Set<string>()
  for (const item of value as Json[]) {
    const id = isObject(item) ? own(item, 'id') : undefined
    if (typeof id !== 'string' || seen.has(id)) return null
    seen.add(id)
    // The prefix keeps ids that look like numbers in their place.
    entries.push([`#${id}`, item])
  }
  return Object.fromEntries(entries)
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function same(a: Json | undefined, b: Json | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}

/** How a text is laid out, as a function that lays out another value so; undefined when it is like none we know. */
function writerOf(text: string): ((value: Json) => string) | undefined {
  const value = JSON.parse(text) as Json
  const end = /\r?\n$/.exec(text)?.[0] ?? ''
  const body = end === '' ? text : text.slice(0, -end.length)
  const indent = /^[{[]\r?\n([ \t]+)/.exec(text)?.[1]
  const writers = [
    (next: Json) => JSON.stringify(next, null, indent),
    (next: Json) => writeCanvas(next, indent ?? '\t'),
  ]
  const known = writers.find((write) => write(value) === body)
  return known && ((next) => known(next) + end)
}

/** Obsidian's layout of a canvas: one line per node and per edge. */
function writeCanvas(value: Json, indent: string): string {
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).map(([key, member]) => {
    if (!Array.isArray(member)) return `${indent}${JSON.stringify(key)}:${JSON.stringify(member)}`
    const items = member.map((item) => `${indent}${indent}${JSON.stringify(item)}`)
    return `${indent}${JSON.stringify(key)}:[${items.length > 0 ? `\n${items.join(',\n')}\n${indent}` : ''}]`
  })
  return `{\n${members.join(',\n')}\n}`
}
