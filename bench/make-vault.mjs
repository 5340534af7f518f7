/**
 * Makes a large vault to measure with: the same options give the same bytes, on every machine with Node.
 *
 *   node bench/make-vault.mjs DIR [--notes 10000] [--attachments 300] [--seed 1]
 *
 * Sizes are log-normal: notes with a median of 1.6 kB and one in a hundred above 28 kB, attachments with a median of
 * 80 kB of bytes that no compression shrinks. Words follow Zipf's law over a made-up vocabulary, so that text deflates
 * about as real text does. Notes lie up to three folders deep and have properties, tags, headings, tasks and links.
 */
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const NOTE_MEDIAN = 1600
const NOTE_P99 = 28_000
const ATTACHMENT_MEDIAN = 80_000
const ATTACHMENT_P99 = 900_000
/** The 99th percentile of the standard normal distribution. */
const Z99 = 2.3263
const WORDS = 9000
const WRITES_AT_ONCE = 32

/** xoshiro128** (Blackman and Vigna), seeded by splitmix32: small, fast, and the same in every JavaScript. */
class Chance {
  constructor(seed) {
    let state = seed >>> 0
    const next = () => {
      state = (state + 0x9e3779b9) >>> 0
      let z = state
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      return (z ^ (z >>> 16)) >>> 0
    }
    this.s = Uint32Array.of(next(), next(), next(), next())
  }

  /** A whole number below 2^32. */
  bits() {
    const s = this.s
    const x = Math.imul(s[1], 5)
    const result = Math.imul((x << 7) | (x >>> 25), 9) >>> 0
    const t = s[1] << 9
    s[2] ^= s[0]
    s[3] ^= s[1]
    s[1] ^= s[2]
    s[0] ^= s[3]
    s[2] ^= t
    s[3] = (s[3] << 11) | (s[3] >>> 21)
    return result
  }

  fraction() {
    return this.bits() / 4294967296
  }

  below(limit) {
    return Math.floor(this.fraction() * limit)
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  /** Standard normal, by Box and Muller. */
  normal() {
    return Math.sqrt(-2 * Math.log(1 - this.fraction())) * Math.cos(2 * Math.PI * this.fraction())
  }

  /** Log-normal with the median and 99th percentile given. */
  size(median, p99) {
    return Math.max(1, Math.round(median * Math.exp((Math.log(p99 / median) / Z99) * this.normal())))
  }

  bytes(length) {
    const words = new Uint32Array(Math.ceil(length / 4))
    for (let index = 0; index < words.length; index++) words[index] = this.bits()
    return new Uint8Array(words.buffer, 0, length)
  }
}

/** Made-up words, the first ones short and frequent: word k is drawn with weight 1 / (k + 2). */
class Vocabulary {
  constructor(chance) {
    const heads = ['b', 'd', 'f', 'g', 'h', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'w', 'st', 'tr', 'sch', '']
    const hearts = ['a', 'e', 'i', 'o', 'u', 'ei', 'ä', 'ü', 'ou']
    const tails = ['', '', 'n', 'r', 's', 't', 'l', 'ck', 'nd']
    const known = new Set()
    while (known.size < WORDS) {
      const syllables = 1 + Math.floor(Math.log2(1 + known.size / 200)) + chance.below(2)
      let word = ''
      for (let count = 0; count < Math.min(4, syllables); count++) {
        word += chance.pick(heads) + chance.pick(hearts) + chance.pick(tails)
      }
      known.add(word)
    }
    this.words = [...known]
    let sum = 0
    this.upTo = Float64Array.from(this.words, (_, rank) => (sum += 1 / (rank + 2)))
    this.total = sum
  }

  word(chance) {
    const target = chance.fraction() * this.total
    let low = 0
    let high = this.upTo.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.upTo[middle] < target) low = middle + 1
      else high = middle
    }
    return this.words[low]
  }

  title(chance) {
    const words = Array.from({ length: 1 + chance.below(4) }, () => this.word(chance))
    const text = words.join(' ')
    return text.charAt(0).toUpperCase() + text.slice(1)
  }

  sentence(chance) {
    let text = this.title(chance)
    for (let count = 3 + chance.below(14); count > 0; count--) {
      text += (chance.below(9) === 0 ? ', ' : ' ') + this.word(chance)
    }
    return `${text}.`
  }
}

/** Some 60 folders, none deeper than three; the early ones fill up most, as in life. */
function makeFolders(chance, vocabulary, notes) {
  const folders = ['']
  const wanted = Math.min(60, 4 + Math.floor(notes / 100))
  for (let tries = 0; folders.length < wanted && tries < 1000; tries++) {
    const parent = chance.pick(folders)
    const depth = parent === '' ? 0 : parent.split('/').length
    const folder = `${parent === '' ? '' : `${parent}/`}${vocabulary.title(chance)}`
    const isNew = folders.every((other) => other.toLowerCase() !== folder.toLowerCase())
    if (depth < 3 && isNew) folders.push(folder)
  }
  return folders
}

function pickFolder(chance, folders) {
  return folders[Math.floor(chance.fraction() ** 2 * folders.length)]
}

function noteText(chance, vocabulary, titles, number) {
  const wanted = chance.size(NOTE_MEDIAN, NOTE_P99)
  const day = new Date(Date.UTC(2019, 0, 1) + chance.below(2700) * 86_400_000).toISOString().slice(0, 10)
  const tags = Array.from({ length: 1 + chance.below(3) }, () => `  - ${vocabulary.word(chance)}`)
  const parts = []
  if (chance.below(10) < 6) {
    parts.push(`---\ncreated: ${day}\ntags:\n${tags.join('\n')}\nrating: ${chance.below(6)}\n---\n`)
  }
  parts.push(`# ${titles[number]}\n`)
  const link = () => `[[${chance.pick(titles)}]]`
  let length = parts.join('\n').length
  while (length < wanted) {
    const kind = chance.below(20)
    let part
    if (kind === 0) part = `## ${vocabulary.title(chance)}\n`
    else if (kind < 4) {
      const box = () => (kind === 1 ? (chance.below(2) ? '[x] ' : '[ ] ') : '')
      part = Array.from({ length: 2 + chance.below(6) }, () => `- ${box()}${vocabulary.sentence(chance)}`).join('\n')
      part += '\n'
    } else {
      const sentences = Array.from({ length: 1 + chance.below(5) }, () => vocabulary.sentence(chance))
      if (chance.below(3) === 0) sentences.push(`${vocabulary.title(chance)} ${link()}.`)
      part = `${sentences.join(' ')}\n`
    }
    // Ends on whichever side of the size is nearer, so that the median holds.
    if (parts.length > 2 && length + part.length / 2 > wanted) break
    parts.push(part)
    length += part.length + 1
  }
  return parts.join('\n')
}

/**
 * Writes the vault into a folder that is empty or not there yet.
 * @returns {Promise<{notes: number, attachments: number, folders: number, bytes: number}>}
 */
export async function makeVault(dir, { notes = 10_000, attachments = 300, seed = 1 } = {}) {
  await mkdir(dir, { recursive: true })
  if ((await readdir(dir)).length > 0) throw new Error(`${dir} is not empty`)

  const chance = new Chance(seed)
  const vocabulary = new Vocabulary(chance)
  const folders = makeFolders(chance, vocabulary, notes)
  for (const folder of [...folders, 'Attachments']) await mkdir(join(dir, folder), { recursive: true })

  // Titles are unique in the whole vault, also where upper and lower case are the same.
  const taken = new Set()
  const titles = Array.from({ length: notes }, () => {
    const wish = vocabulary.title(chance)
    let title = wish
    for (let count = 2; taken.has(title.toLowerCase()); count++) title = `${wish} ${count}`
    taken.add(title.toLowerCase())
    return title
  })

  let bytes = 0
  const writes = []
  const write = async (path, content) => {
    bytes += content.length
    writes.push(writeFile(join(dir, path), content))
    if (writes.length >= WRITES_AT_ONCE) await Promise.all(writes.splice(0))
  }
  const encoder = new TextEncoder()
  for (let number = 0; number < notes; number++) {
    const folder = pickFolder(chance, folders)
    const text = encoder.encode(noteText(chance, vocabulary, titles, number))
    await write(join(folder, `${titles[number]}.md`), text)
  }
  for (let number = 0; number < attachments; number++) {
    const extension = chance.pick(['jpg', 'jpg', 'png', 'pdf', 'm4a'])
    const name = `Attachments/${String(number + 1).padStart(5, '0')} ${vocabulary.word(chance)}.${extension}`
    await write(name, chance.bytes(chance.size(ATTACHMENT_MEDIAN, ATTACHMENT_P99)))
  }
  await Promise.all(writes)
  return { notes, attachments, folders: folders.length, bytes }
}

async function main() {
  const usage = 'usage: node bench/make-vault.mjs DIR [--notes N] [--attachments M] [--seed S]'
  try {
    const { values, positionals } = parseArgs({
      options: { notes: { type: 'string' }, attachments: { type: 'string' }, seed: { type: 'string' } },
      allowPositionals: true,
    })
    if (positionals.length !== 1) throw new Error('name one folder')
    const numbers = {}
    for (const [name, text] of Object.entries(values)) {
      if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} takes a whole number, not "${text}"`)
      numbers[name] = Number(text)
    }
    console.log(JSON.stringify(await makeVault(resolve(positionals[0]), numbers)))
  } catch (error) {
    console.error(`${error.message}\n${usage}`)
    process.exitCode = 2
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) await main()
