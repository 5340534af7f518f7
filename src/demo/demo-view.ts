import { formatBytes, formatCount, formatDuration } from '../cli/format.ts'
import type { Output } from '../cli/output.ts'
import { printable } from '../cli/printable.ts'
import { qrSize, renderQr } from '../cli/qr.ts'
import { renderTable } from '../cli/table.ts'
import type { VaultComparison, VaultDifference } from './compare-vaults.ts'
import type { DemoFolder } from './demo-folder.ts'
import type { DemoStep } from './demo-steps.ts'
import type { CloneResult, FsckResult } from './git-check.ts'

/** Differences that are named, one by one. */
const NAMED = 5

interface Row {
  readonly title: string
  readonly way: string
  readonly ms: number
}

/** Everything the demonstration says, to people and to scripts, in the order of its acts. */
export class DemoView {
  readonly #rows: Row[] = []

  constructor(readonly output: Output) {}

  begin(folder: DemoFolder, source: string, isSample: boolean): void {
    const { bold, dim } = this.output.style
    const { a, b } = folder
    this.output.human(`${bold('Tandem: two devices on this computer, in step over Iroh')}\n`)
    this.output.human(
      `${bold('A')}  ${a.vault}  ${dim(isSample ? 'a copy of the sample vault' : `a copy of ${source}`)}`,
    )
    this.output.human(`${bold('B')}  ${b.vault}  ${dim('empty')}`)
    this.output.object({ event: 'begin', source, work: folder.root, vaults: [a.vault, b.vault] })
  }

  copied({ files, bytes, leftOut }: { files: number; bytes: number; leftOut: readonly LeftOut[] }, ms: number): void {
    this.output.object({ event: 'step', name: 'copy', ok: true, ms: round(ms), files, bytes, leftOut: leftOut.length })
    if (!leftOut.length) return
    const first = leftOut[0]!
    this.output.diagnostic(
      this.output.errorStyle.yellow(
        `${formatCount(leftOut.length, 'entry', 'entries')} not copied, such as ${printable(first.path)}: ${printable(first.why)}`,
      ),
    )
  }

  chapter(title: string): void {
    this.output.human(`\n${this.output.style.bold(title)}`)
  }

  link(link: string): void {
    const { output } = this
    output.object({ event: 'invitation', link })
    const { columns } = output
    if (columns !== undefined && qrSize(link).columns <= columns) {
      output.human('A invites. A phone would scan this; here B follows the link below it.\n')
      output.human(`${renderQr(link)}\n`)
    } else {
      output.human('A invites, B follows the link:')
    }
    output.human(`${printable(link)}\n`)
  }

  paired(ms: number): void {
    this.#row('Pair', 'A and B', ms)
    this.output.human(this.#tick('Paired: A and B know each other by their keys', ms))
    this.output.object({ event: 'step', name: 'pair', ok: true, ms: round(ms) })
  }

  firstSync({ same, files, bytes, differences }: VaultComparison, ms: number): void {
    this.output.object({ event: 'step', name: 'first sync', ok: same, ms: round(ms), files, bytes })
    if (!same) return this.#different('The vaults differ', BETWEEN_VAULTS, differences)
    this.#row('First sync', 'A → B', ms)
    this.output.human(this.#tick(`In step: ${formatCount(files, 'file')}, ${formatBytes(bytes)}`, ms))
  }

  stepBegins(number: number, { title, done }: DemoStep): void {
    this.output.human(`${this.output.style.cyan(String(number))}  ${title.padEnd(8)}${done}`)
  }

  stepArrived({ name, title, from, to, path, done, arrived }: DemoStep, ms: number): void {
    this.#row(title, from === to ? from : `${from} → ${to}`, ms)
    this.output.human(`${' '.repeat(11)}${this.#tick(arrived, ms)}`)
    this.output.object({ event: 'step', name, ok: true, ms: round(ms), from, to, path, done, arrived })
  }

  stepFailed(name: string, why: string): void {
    this.output.human(`${' '.repeat(11)}${this.#cross(why)}`)
    this.output.object({ event: 'step', name, ok: false, why })
  }

  compared({ same, files, bytes, differences }: VaultComparison, ms: number): void {
    this.output.object({
      event: 'step',
      name: 'compare',
      ok: same,
      ms: round(ms),
      files,
      bytes,
      differences: firstOf(differences),
    })
    if (same)
      this.output.human(
        this.#tick(`Both vaults are the same, byte for byte: ${formatCount(files, 'file')}, ${formatBytes(bytes)}`),
      )
    else this.#different('The vaults differ', BETWEEN_VAULTS, differences)
  }

  gitMissing(): void {
    this.output.human(this.output.style.yellow('–') + ' Not checked with git: there is no git on this machine')
    this.output.object({ event: 'step', name: 'git', ok: null, why: 'there is no git on this machine' })
  }

  fsckDone(peer: string, { clean, complaint }: FsckResult, ms: number): void {
    this.output.object({
      event: 'step',
      name: 'git fsck',
      peer,
      ok: clean,
      ms: round(ms),
      ...(clean ? {} : { complaint }),
    })
    if (clean) this.output.human(this.#tick(`git fsck --strict of ${peer}'s repository: clean`, ms))
    else this.output.human(`${this.#cross(`git fsck --strict of ${peer}'s repository:`)}\n${complaint}`)
  }

  cloneDone({ comparison, complaint }: CloneResult, ms: number): void {
    const ok = comparison?.same === true
    const differences = comparison ? firstOf(comparison.differences) : []
    this.output.object({
      event: 'step',
      name: 'git clone',
      ok,
      ms: round(ms),
      ...(ok ? {} : { complaint, differences }),
    })
    if (ok) this.output.human(this.#tick("git clone of A's repository: equals the vault, byte for byte", ms))
    else if (comparison)
      this.#different('The clone differs from the vault', ['only in A', 'only in the clone'], comparison.differences)
    else this.output.human(`${this.#cross("git clone of A's repository failed:")}\n${complaint}`)
  }

  summary(): void {
    const { output } = this
    const rows = this.#rows.map(({ title, way, ms }) => [title, way, formatDuration(ms)])
    output.human(
      `\n${renderTable([{ title: 'What' }, { title: 'From, to' }, { title: 'Took', align: 'right' }], rows, output.style, output.columns)}`,
    )
    output.human(output.style.dim('Edits: from saving here to being there, with the 300 ms of quiet waited for.'))
  }

  result(result: Readonly<Record<string, unknown>>): void {
    this.output.object({ event: 'result', ...result })
  }

  /** A tick, what was reached, and how long it took. */
  #tick(text: string, ms?: number): string {
    const { dim, green } = this.output.style
    return `${green('✓')} ${text}${ms === undefined ? '' : dim(`  ${formatDuration(ms)}`)}`
  }

  #cross(text: string): string {
    return `${this.output.style.red('✗')} ${text}`
  }

  #row(title: string, way: string, ms: number): void {
    this.#rows.push({ title, way, ms })
  }

  #different(title: string, [left, right]: readonly [string, string], differences: readonly VaultDifference[]): void {
    this.output.human(this.#cross(`${title} in ${formatCount(differences.length, 'file')}:`))
    const words = { 'only-left': left, 'only-right': right, different: 'not the same' }
    for (const { path, kind } of differences.slice(0, NAMED))
      this.output.human(`    ${printable(path)}  (${words[kind]})`)
    if (differences.length > NAMED) this.output.human(`    and ${differences.length - NAMED} more`)
  }
}

const BETWEEN_VAULTS = ['only in A', 'only in B'] as const

interface LeftOut {
  readonly path: string
  readonly why: string
}

const firstOf = (differences: readonly VaultDifference[]): readonly VaultDifference[] => differences.slice(0, 100)
const round = (ms: number): number => Math.round(ms)
