import type { VaultComparison } from '../../history/compare-vaults.ts'
import { formatCount, formatNumber } from '../words/format.ts'

/** Paths of a list that are shown; a person reads no more. */
const MAX_SHOWN = 500

/** E9: two vaults side by side in numbers, with their lists to unfold, before anything is written. */
export function drawComparison(el: HTMLElement, comparison: VaultComparison, deviceName: string): void {
  const { onlyHere, onlyThere, different, same } = comparison
  el.createEl('p', { text: `This is what syncing with ${deviceName} will bring together:` })
  const list = el.createDiv({ cls: 'tandem-comparison' })
  drawRow(list, 'Only on this device', `will be copied to ${deviceName}`, onlyHere.length, onlyHere)
  drawRow(list, `Only on ${deviceName}`, 'will be copied to this device', onlyThere.length, onlyThere)
  drawRow(
    list,
    'Different on both',
    'both texts are kept: joined, or as a second note beside the first',
    different.length,
    different,
  )
  drawRow(list, 'The same on both', 'stay as they are', same, [])
  el.createEl('p', { cls: 'tandem-hint', text: 'Nothing is deleted, and nothing is overwritten without being kept.' })
}

function drawRow(el: HTMLElement, name: string, hint: string, count: number, paths: readonly string[]): void {
  const details = paths.length > 0
  const row = el.createEl(details ? 'details' : 'div', { cls: 'tandem-comparison-row' })
  const head = row.createEl(details ? 'summary' : 'div', { cls: 'tandem-comparison-head' })
  const words = head.createDiv({ cls: 'tandem-comparison-words' })
  words.createDiv({ text: name })
  words.createDiv({ cls: 'tandem-hint', text: hint })
  head.createDiv({
    cls: 'tandem-comparison-count',
    text: formatNumber(count),
    attr: { 'aria-label': formatCount(count, 'file') },
  })
  if (!details) return
  const list = row.createEl('ul', { cls: 'tandem-paths', attr: { tabindex: '0', 'aria-label': `${name}: files` } })
  for (const path of paths.slice(0, MAX_SHOWN)) list.createEl('li', { text: path })
  if (paths.length > MAX_SHOWN)
    list.createEl('li', { cls: 'tandem-hint', text: `and ${formatCount(paths.length - MAX_SHOWN, 'more file')}` })
}
