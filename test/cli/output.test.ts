import { describe, expect, it } from 'vitest'
import { Output } from '../../src/cli/output.ts'
import { FakeTerminal, ManualClock } from './terminal.ts'

function anOutput({ json = false, isTTY = false, env = {} } = {}) {
  const clock = new ManualClock()
  const stdout = new FakeTerminal({ isTTY })
  const stderr = new FakeTerminal({ isTTY })
  return { stdout, stderr, clock, output: new Output({ json, stdout, stderr, clock, env }) }
}

describe('Output with --json', () => {
  it('puts one object per line on stdout and nothing else', () => {
    const { stdout, stderr, clock, output } = anOutput({ json: true, isTTY: true })
    output.human('Two devices')
    output.object({ peers: [{ name: 'a\nb' }] })
    const progress = output.progress()
    progress.phase('Receiving', { files: 0, totalFiles: 3 })
    for (let file = 1; file <= 3; file++) {
      clock.advance(600)
      progress.update({ files: file })
    }
    progress.done()
    output.diagnostic('a warning')
    const lines = stdout.text.split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { peers: [{ name: 'a\nb' }] },
      { event: 'progress', phase: 'Receiving', state: 'start', files: 0, totalFiles: 3 },
      { event: 'progress', phase: 'Receiving', state: 'running', files: 2, totalFiles: 3 },
      { event: 'progress', phase: 'Receiving', state: 'end', files: 3, totalFiles: 3, ms: 1800 },
    ])
    expect(stderr.text).toBe('a warning\n')
  })

  it('never colours', () => {
    expect(anOutput({ json: true, isTTY: true }).output.style.enabled).toBe(false)
  })
})

describe('Output for people', () => {
  it('puts text on stdout, diagnostics on stderr, and no objects anywhere', () => {
    const { stdout, stderr, output } = anOutput()
    output.human('Two devices')
    output.object({ peers: [] })
    output.diagnostic('a warning')
    expect(stdout.text).toBe('Two devices\n')
    expect(stderr.text).toBe('a warning\n')
  })

  it('writes text above the progress bar that shares the terminal', () => {
    const clock = new ManualClock()
    const terminal = new FakeTerminal()
    const output = new Output({ json: false, stdout: terminal, stderr: terminal, clock, env: {} })
    output.progress().phase('Receiving', { files: 1, totalFiles: 2 })
    output.human('paired')
    output.diagnostic('slow')
    expect(terminal.screen.slice(0, 2)).toEqual(['paired', 'slow'])
    expect(terminal.screen).toHaveLength(3)
    output.progress().stop()
    expect(terminal.screen).toEqual(['paired', 'slow'])
  })

  it('colours on a terminal only, and not with NO_COLOR', () => {
    expect(anOutput({ isTTY: true }).output.style.enabled).toBe(true)
    expect(anOutput({ isTTY: true, env: { NO_COLOR: '1' } }).output.style.enabled).toBe(false)
    expect(anOutput({ isTTY: false }).output.style.enabled).toBe(false)
  })

  it('knows a width on a terminal only', () => {
    expect(anOutput({ isTTY: true }).output.columns).toBe(80)
    expect(anOutput({ isTTY: false }).output.columns).toBeUndefined()
  })

  it('falls silent, once and without an error, when the reader of stdout is gone', async () => {
    const listeners: ((error: Error) => void)[] = []
    const stdout = Object.assign(new FakeTerminal({ isTTY: false }), {
      on: (_: 'error', listener: (error: Error) => void) => listeners.push(listener),
    })
    let closed = 0
    const stderr = new FakeTerminal({ isTTY: false })
    const onClosed = (): void => void closed++
    const output = new Output({ json: false, stdout, stderr, clock: new ManualClock(), env: {}, onClosed })
    output.human('heard')
    for (const listener of listeners) listener(new Error('EPIPE'))
    for (const listener of listeners) listener(new Error('EPIPE'))
    output.human('unheard')
    await output.flush()
    expect(stdout.text).toBe('heard\n')
    expect(closed).toBe(1)
  })
})
