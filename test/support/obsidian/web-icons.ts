/** Icons of the look-alike: Lucide's, of which Obsidian's own are a copy. */
import nodes from 'lucide-static/icon-nodes.json'

type IconNode = readonly [tag: string, attributes: Readonly<Record<string, string>>]
const NODES = nodes as unknown as Readonly<Record<string, readonly IconNode[]>>
const SVG = 'http://www.w3.org/2000/svg'
const FRAME: Readonly<Record<string, string>> = {
  viewBox: '0 0 24 24',
  width: '24',
  height: '24',
  fill: 'none',
  stroke: 'currentColor',
  'stroke-width': '2',
  'stroke-linecap': 'round',
  'stroke-linejoin': 'round',
  'aria-hidden': 'true',
}
/** Names that Lucide changed after Obsidian took them over; both work there. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'alert-triangle': 'triangle-alert',
  'x-circle': 'circle-x',
  'trash-2': 'trash',
}

/** An icon that is not there stays empty, as in Obsidian; the harness counts it as an error, so that a misspelt name is seen. */
export function setIcon(parent: HTMLElement, name: string): void {
  parent.replaceChildren()
  const id = name.replace(/^lucide-/, '')
  const shapes = NODES[OLD_NAMES[id] ?? id]
  if (!shapes) return console.error(`there is no icon named ${name}`)
  const svg = document.createElementNS(SVG, 'svg')
  for (const [key, value] of Object.entries({ ...FRAME, class: `svg-icon lucide-${id}` })) svg.setAttribute(key, value)
  for (const [tag, attributes] of shapes) {
    const shape = document.createElementNS(SVG, tag)
    for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, String(value))
    svg.append(shape)
  }
  parent.append(svg)
}

export function setTooltip(el: HTMLElement, text: string): void {
  el.setAttribute('aria-label', text)
}
