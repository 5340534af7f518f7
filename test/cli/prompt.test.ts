import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { askYesNo } from '../../src/cli/prompt.ts'

function aTerminal(isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY })
  const written: string[] = []
  return { input, written, output: { write: (text: string) => written.push(text) } }
}

describe('askYesNo', () => {
  it.each([
    ['y\n', true],
    ['Yes \n', true],
    ['n\n', false],
    ['\n', false],
    ['what?\ny\n', true],
    ['a\nb\nc\ny\n', false],
  ])('takes %j as %s', async (answer, expected) => {
    const { input, output, written } = aTerminal()
    input.write(answer)
    expect(await askYesNo('Pair these two?', { yes: false, input, output })).toBe(expected)
    expect(written[0]).toBe('Pair these two? [y/N] ')
  })

  it('takes the end of input as no', async () => {
    const { input, output } = aTerminal()
    input.end()
    expect(await askYesNo('Pair?', { yes: false, input, output })).toBe(false)
  })

  it('asks nothing with --yes, terminal or not', async () => {
    const { input, output, written } = aTerminal(false)
    expect(await askYesNo('Pair?', { yes: true, input, output })).toBe(true)
    expect(written).toEqual([])
  })

  it('refuses when nobody is there to answer', async () => {
    const { input, output } = aTerminal(false)
    const asked = askYesNo('Pair?', { yes: false, input, output })
    await expect(asked).rejects.toMatchObject({ name: 'UsageError', code: 'needs-terminal' })
  })

  it('stops waiting when aborted', async () => {
    const { input, output } = aTerminal()
    const controller = new AbortController()
    const asked = askYesNo('Pair?', { yes: false, input, output, signal: controller.signal })
    controller.abort()
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
  })
})
