import { afterAll, describe, it } from 'vitest'
import { PortChromium } from '../../support/port-chromium.ts'

// The titles come from the pages, so these are there before the tests are known.
const chromium = await PortChromium.launch()
afterAll(() => chromium.close())

for (const [name, kind] of [
  ['MessagePorts between two pages', 'port'],
  ['WebRTC data channels between two pages', 'channel'],
  ['WebSockets between a page and this process', 'socket'],
] as const) {
  const suite = await chromium.open(kind)
  describe(`in Chromium, a port transport on ${name} as a Transport`, { timeout: 120_000 }, () => {
    for (const title of suite.titles) it(title, () => suite.run(title))
  })
}
