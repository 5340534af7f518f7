import { MemoryDisk } from '../../../src/adapters/memory/memory-disk.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { ObsidianVaultFiles } from '../../../src/adapters/obsidian/obsidian-vault-files.ts'
import { seededRandom } from '../../support/seeded-random.ts'
import { FakeVaultApp } from '../../support/obsidian/vault-app.ts'
import { editScripted, ScriptedPane } from '../../support/obsidian/vault-editor.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'
import { at, bytesOf, textOf, writing } from '../../contracts/vault-files.harness.ts'

const PATH = 'note.md'
const LINES = 6
/** How long a person types and changes arrive, ms. */
const RUN_MS = 12_000
/** How often the engine's stand-in looks, ms: its debounce after a change is about that. */
const SETTLE_MS = 300

export interface RunReport {
  readonly onDisk: string
  readonly inEditor: string
  readonly typed: readonly string[]
  readonly arrived: readonly string[]
  /** Times that Obsidian had to merge unsaved text by patches. */
  readonly merges: number
  /** Steps that changed the note under the editor, and those that were put off for unsaved text. */
  readonly applied: number
  readonly putOff: number
  /** What went wrong on the way: the cursor moved within its line, a line that had arrived went away again. */
  readonly faults: readonly string[]
  readonly pane: ScriptedPane
}

/**
 * One person types words into a note while lines from elsewhere arrive, with a stand-in for the engine: it reads the disk, adds what
 * has arrived to what it finds, and lets the adapter write that in place of what it read.
 */
export async function runOpenNote(
  seed: number,
  options: { readonly remotely: boolean; readonly secondPane?: boolean },
): Promise<RunReport> {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random.fraction() * limit)
  const clock = new VirtualClock()
  const disk = new MemoryDisk({ clock })
  const slow = below(9)
  const app = new FakeVaultApp({ disk, latency: () => below(slow + 1) })
  const start = Array.from({ length: LINES }, (_, i) => `L${i}: a line of the note\n`).join('')
  app.person(() => disk.userWrite(PATH, start))
  const vault = new ObsidianVaultFiles({
    app: app.app,
    codec: nodeCodec,
    clock,
    platform: 'linux',
    ...(options.remotely && { editRemotely: editScripted }),
  })
  const opening = new ScriptedPane(app, PATH, clock).open()
  await clock.advance(50)
  const pane = await opening
  const { editor } = pane
  const second = options.secondPane ? new ScriptedPane(app, PATH, clock).open() : undefined
  await clock.advance(50)

  const typed: string[] = []
  const arrived: string[] = []
  const delivered = new Set<string>()
  const faults: string[] = []
  let applied = 0
  let putOff = 0
  let over = false

  // The person: the text of their line before the cursor is theirs alone.
  let lineBefore = ''
  const upToCursor = (): string =>
    editor.getValue().slice(editor.getValue().lastIndexOf('\n', editor.cursor - 1) + 1, editor.cursor)
  editor.onForeign = (moment) => {
    if (moment === 'before') lineBefore = upToCursor()
    else if (upToCursor() !== lineBefore)
      faults.push(`the cursor was behind “${lineBefore}” and is behind “${upToCursor()}”`)
  }
  const keystroke = (rest: string): void => {
    if (rest === '') return void clock.after(below(2) ? below(400) : 1000 + below(2500), word)
    // A slip now and then, and back.
    if (below(20) === 0) {
      editor.type('x')
      editor.backspace()
    }
    editor.type(rest[0]!)
    clock.after(20 + below(160), () => keystroke(rest.slice(1)))
  }
  const word = (): void => {
    if (over) return
    if (below(3) === 0) {
      const lines = editor.getValue().split('\n')
      const own = lines.flatMap((line, i) => (/^L\d: /.test(line) ? [i] : []))
      const line = own[below(own.length)]!
      editor.cursor = editor.posToOffset({ line, ch: 4 + below(lines[line]!.length - 3) })
      // Between two words, never inside one.
      while (/[\w<>]/.test(editor.getValue()[editor.cursor] ?? '\n') && editor.cursor < editor.getValue().length)
        editor.cursor++
    } else if (editor.cursor === 0) editor.cursor = editor.posToOffset({ line: 0, ch: 4 })
    const text = `<u${typed.length}>`
    typed.push(text)
    keystroke(text)
  }
  clock.after(below(1000), word)

  // The other devices.
  const arrive = (): void => {
    if (over) return
    arrived.push(`R${arrived.length}> after L${below(LINES)}`)
    clock.after(below(1500), arrive)
  }
  clock.after(below(1500), arrive)

  const withArrivals = (text: string): string => {
    const lines = text.split('\n')
    for (const line of arrived) {
      if (delivered.has(line)) continue
      const anchor = lines.findIndex((one) => one.startsWith(`${line.slice(-2)}: `))
      lines.splice(anchor + 1, 0, line)
    }
    return lines.join('\n')
  }
  const settle = async (): Promise<void> => {
    for (let round = 0; round < 5; round++) {
      const text = textOf((await vault.read(at(PATH))).content)!
      for (const line of delivered)
        if (!text.split('\n').includes(line)) faults.push(`“${line}” had arrived and is gone`)
      const arriving = arrived.filter((line) => !delivered.has(line))
      const wanted = withArrivals(text)
      if (wanted === text) return
      const { result } = await vault.apply(writing(PATH, wanted, text), bytesOf(wanted))
      if (result === 'applied') {
        applied++
        for (const line of arriving) delivered.add(line)
      } else putOff++
    }
  }
  const settleAgain = (): void => {
    void settle().then(
      () => clock.after(SETTLE_MS + below(100), settleAgain),
      (cause: unknown) => faults.push(String(cause)),
    )
  }
  clock.after(SETTLE_MS, settleAgain)

  await clock.advance(RUN_MS)
  over = true
  await clock.advance(12_000)
  await second
  const onDisk = textOf(disk.files().get(PATH))!
  const inEditor = editor.getValue()
  return { onDisk, inEditor, typed, arrived, merges: pane.merges, applied, putOff, faults, pane }
}

/** How often a text occurs. */
export const countOf = (text: string, part: string): number => text.split(part).length - 1
