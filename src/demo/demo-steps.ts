import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join, posix } from 'node:path'
import { awaitThat } from './await-that.ts'
import { readText, type DemoNotes } from './demo-notes.ts'
import { addSentence, plainParagraphs } from './plain-paragraphs.ts'
import { soundFile } from './sound-file.ts'

/** One thing that a person does in a vault, and what must then be seen in the other. */
export interface DemoStep {
  /** Stable, for scripts. */
  readonly name: string
  readonly title: string
  /** What is done, in plain words. */
  readonly done: string
  /** What is seen on the other side, in plain words, without the time. */
  readonly arrived: string
  readonly from: string
  readonly to: string
  /** Where it shows in the end. */
  readonly path: string
  act(): Promise<void>
  hasArrived(): Promise<boolean>
}

export interface StepPlace {
  readonly a: string
  readonly b: string
  readonly notes: DemoNotes
}

/** How a path is spoken of: short, in quotes. */
export type ShowPath = (path: string) => string

/** What the demonstration does, in order. The files are read as they are now: make the plan when both vaults are in step. */
export async function planSteps({ a, b, notes }: StepPlace, show: ShowPath): Promise<DemoStep[]> {
  return [
    await plainEdit(a, b, notes.edited, show),
    await editOnBothSides(a, b, notes.merged, show),
    await renameNote(a, b, notes.renamed, show),
    await deleteNote(a, b, notes.deleted, show),
    await addAttachment(a, b, dirname(notes.edited), show),
  ]
}

/** Acts, then watches the other side; resolves to the milliseconds between. @throws DemoError `too-late`. */
export async function runStep(step: DemoStep, deadlineMs: number, signal: AbortSignal): Promise<number> {
  const startedAt = performance.now()
  await step.act()
  await awaitThat(() => step.hasArrived(), { what: `${step.title.toLowerCase()}: ${step.arrived}`, deadlineMs, signal })
  return performance.now() - startedAt
}

async function plainEdit(a: string, b: string, path: string, show: ShowPath): Promise<DemoStep> {
  const before = await noteText(a, path)
  const after = addSentence(before, plainParagraphs(before)[0]!, 'This sentence was written in A.')
  return {
    name: 'plain edit',
    title: 'Edit',
    done: `A adds a sentence to ${show(path)}`,
    arrived: 'B has it',
    from: 'A',
    to: 'B',
    path,
    act: () => writeFile(join(a, path), after),
    hasArrived: () => holdsText(b, path, after),
  }
}

async function editOnBothSides(a: string, b: string, path: string, show: ShowPath): Promise<DemoStep> {
  const before = await noteText(a, path)
  const paragraphs = plainParagraphs(before)
  const [first, last] = [paragraphs[0]!, paragraphs.at(-1)!]
  // From the end on, so that the offsets stay true.
  const byB = addSentence(before, last, 'Written in B, at the same time.')
  const byA = addSentence(before, first, 'Written in A.')
  const merged = addSentence(byB, first, 'Written in A.')
  return {
    name: 'edit on both sides',
    title: 'Merge',
    done: `A and B edit two paragraphs of ${show(path)} at once`,
    arrived: 'both have both sentences',
    from: 'A and B',
    to: 'both',
    path,
    act: async () => void (await Promise.all([writeFile(join(a, path), byA), writeFile(join(b, path), byB)])),
    hasArrived: async () => (await holdsText(a, path, merged)) && (await holdsText(b, path, merged)),
  }
}

async function renameNote(a: string, b: string, path: string, show: ShowPath): Promise<DemoStep> {
  const text = await noteText(a, path)
  const { dir, name, ext } = posix.parse(path)
  const target = await freeName(a, dir, `${name} (new name)`, ext)
  return {
    name: 'rename',
    title: 'Rename',
    done: `A renames ${show(path)} to ${show(target)}`,
    arrived: 'renamed in B',
    from: 'A',
    to: 'B',
    path: target,
    act: () => rename(join(a, path), join(a, target)),
    hasArrived: async () => (await holdsText(b, target, text)) && !(await isThere(b, path)),
  }
}

async function deleteNote(a: string, b: string, path: string, show: ShowPath): Promise<DemoStep> {
  const text = await noteText(a, path)
  return {
    name: 'delete',
    title: 'Delete',
    done: `A deletes ${show(path)}`,
    arrived: 'gone in B, which keeps it in its .trash',
    from: 'A',
    to: 'B',
    path,
    act: () => rm(join(a, path)),
    hasArrived: async () => !(await isThere(b, path)) && (await holdsText(b, `.trash/${path}`, text)),
  }
}

async function addAttachment(a: string, b: string, folder: string, show: ShowPath): Promise<DemoStep> {
  const content = soundFile()
  const path = await freeName(b, folder === '.' ? '' : folder, 'Tune', '.wav')
  return {
    name: 'attachment',
    title: 'Attach',
    done: `B adds ${show(path)}, ${Math.round(content.length / 1000)} kB`,
    arrived: 'A has it, byte for byte',
    from: 'B',
    to: 'A',
    path,
    act: async () => {
      await mkdir(dirname(join(b, path)), { recursive: true })
      await writeFile(join(b, path), content)
    },
    hasArrived: async () => (await readIfThere(join(a, path)))?.equals(content) ?? false,
  }
}

async function freeName(vault: string, folder: string, stem: string, extension: string): Promise<string> {
  for (let number = 1; ; number++) {
    const path = posix.join(folder, `${stem}${number > 1 ? ` ${number}` : ''}${extension}`)
    if (!(await isThere(vault, path))) return path
  }
}

/** The notes were chosen because they can be read. */
async function noteText(vault: string, path: string): Promise<string> {
  return (await readText(join(vault, path))) ?? ''
}

async function holdsText(vault: string, path: string, text: string): Promise<boolean> {
  return (await readIfThere(join(vault, path)))?.equals(Buffer.from(text)) ?? false
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch(() => undefined)
}

async function isThere(vault: string, path: string): Promise<boolean> {
  return stat(join(vault, path)).then(
    () => true,
    () => false,
  )
}
