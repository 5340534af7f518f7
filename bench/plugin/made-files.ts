/** Files to measure with: the same each time, but for the noise. */
type MadeFile = readonly [path: string, bytes: Uint8Array<ArrayBuffer>]

const encoder = new TextEncoder()

export function noteText(seed: number, bytes: number): Uint8Array<ArrayBuffer> {
  let state = (Math.imul(seed, 2654435761) + 1) >>> 0
  let text = `# Note ${seed}\n\n`
  while (text.length < bytes) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    text += state % 11 === 0 ? '.\n' : `${(state >>> 8).toString(36).slice(0, 2 + (state % 5))} `
  }
  return encoder.encode(text)
}

/** From 500 bytes to 36 kB: half of them below 1.6 kB. */
const sizeOf = (n: number): number =>
  Math.round(300 * Math.exp(4.2 * ((Math.imul(n, 40503) >>> 0) % 1000) ** 2 * 1e-6 + 0.6))
const folderOf = (n: number): string => `Folder ${n % 60}${n % 3 === 0 ? `/Below ${n % 7}` : ''}`
export const notePath = (n: number): string => `${folderOf(n)}/Note ${n}.md`

export function* notes(count: number): Generator<MadeFile> {
  for (let n = 0; n < count; n++) yield [notePath(n), noteText(n, sizeOf(n))]
}

/** Half of them new, half of them edits of the first of `known` notes. */
export function* changedNotes(count: number, known: number): Generator<MadeFile> {
  for (let i = 0; i < count; i++)
    if (i % 2 === 0) yield [`${folderOf(i)}/New ${i}.md`, noteText(-i - 1, sizeOf(i))]
    else yield [notePath(i), noteText(known + i, sizeOf(i))]
}

/** Half of it photos of 1 MB, half of it films of 10: what no compression shrinks. `megabytes` is a multiple of 20. */
export function* attachments(megabytes: number): Generator<MadeFile> {
  const films = megabytes / 20
  for (let i = 0; i < films; i++) yield [`Films/Film ${i}.mp4`, noise(10_000_000)]
  for (let i = 0; i < megabytes / 2; i++) yield [`Photos/Photo ${i}.jpg`, noise(1_000_000)]
}
export const attachmentCount = (megabytes: number): number => megabytes / 20 + megabytes / 2

function noise(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)))
  return bytes
}
