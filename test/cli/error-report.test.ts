import { readFileSync } from 'node:fs'
import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { fromWireError, toWireError } from '../../src/cli/control-message.ts'
import { errorReport } from '../../src/cli/error-report.ts'
import { sentences, systemSentences } from '../../src/cli/error-sentences.ts'
import { ExitCode, exitCodeHelp } from '../../src/cli/exit-codes.ts'
import { UsageError } from '../../src/cli/usage-error.ts'
import { CorruptObjectError, MissingObjectError } from '../../src/objects/errors.ts'
import { PairingError, ProtocolError, StateError, TransportError, VaultError } from '../../src/ports/errors.ts'

describe('errorReport', () => {
  it.each([
    [new VaultError('no-vault', 'x', { path: '/v' }), ExitCode.vault],
    [new VaultError('disk-full', 'x', { path: 'a.md' }), ExitCode.cannotWrite],
    [new VaultError('unwritable', 'x'), ExitCode.cannotWrite],
    [new StateError('in-use', 'x'), ExitCode.state],
    [new PairingError('expired', 'x'), ExitCode.pairing],
    [new TransportError('unreachable', 'x'), ExitCode.network],
    [new TransportError('aborted', 'x'), ExitCode.interrupted],
    [new ProtocolError('unauthorised', 'x'), ExitCode.pairing],
    [new ProtocolError('bad-frame', 'x'), ExitCode.network],
    [new CorruptObjectError('hash-mismatch', 'x'), ExitCode.state],
    [new MissingObjectError('a'.repeat(40)), ExitCode.state],
    [new UsageError('usage', 'There is no option --colour'), ExitCode.usage],
    [Object.assign(new Error('no space'), { code: 'ENOSPC' }), ExitCode.cannotWrite],
    [new DOMException('stop', 'AbortError'), ExitCode.interrupted],
    [new Error('boom'), ExitCode.unexpected],
    ['boom', ExitCode.unexpected],
    [undefined, ExitCode.unexpected],
  ])('gives %s the exit code %d', (error, exitCode) => {
    expect(errorReport(error).exitCode).toBe(exitCode)
  })

  it('names the place, and keeps what the error itself has to say', () => {
    const error = new VaultError('unwritable', 'EROFS: read-only', { path: '/home/me/Notes' })
    expect(errorReport(error)).toEqual({
      code: 'unwritable',
      exitCode: 8,
      message: '“/home/me/Notes” cannot be written.',
      hint: 'Check the permissions of the file and its folder, then try again.',
      detail: 'EROFS: read-only',
    })
    expect(errorReport(new VaultError('unreadable', 'x')).message).toBe('The file or folder cannot be read.')
  })

  it('lets a usage error speak for itself', () => {
    const report = errorReport(new UsageError('usage', 'There is no option --colour'))
    expect(report).toMatchObject({ message: 'There is no option --colour.', code: 'usage' })
    expect(report.detail).toBeUndefined()
  })

  it('says of an error in another process what it would say here', () => {
    const error = new StateError('in-use', 'process 7 (tandem up)', { pid: 7 })
    const arrived = fromWireError(JSON.parse(JSON.stringify(toWireError(error))) as ReturnType<typeof toWireError>)
    expect(errorReport(arrived)).toEqual(errorReport(error))
  })

  it('does not let a message from outside drive the terminal', () => {
    expect(errorReport(new ProtocolError('refused', '\x1b[2Jgone')).detail).toBe('\\u{1b}[2Jgone')
    expect(errorReport(new VaultError('unreadable', 'x', { path: '\x1b]0;t\x07' })).message).not.toMatch(/[\x00-\x1f]/)
  })

  it('is not taken in by codes that happen to be names of object members', () => {
    expect(errorReport(Object.assign(new Error('x'), { name: 'VaultError', code: 'constructor' })).code).toBe(
      'unexpected',
    )
    expect(errorReport(new CommanderError(1, 'commander.help', 'x')).code).toBe('unexpected')
  })

  it('has a sentence and a hint for every code, in whole sentences and without naming Node', () => {
    for (const [kind, table] of [...Object.entries(sentences), ['system', systemSentences] as const]) {
      for (const [code, { message, hint }] of Object.entries(table)) {
        if (kind !== 'UsageError') expect(message, code).toMatch(/^[A-Z{].*\.$/)
        expect(hint, code).toMatch(/^[A-Z].*[.?]$|--bind [\d.:]+\.$/)
      }
    }
  })
})

describe('exitCodeHelp', () => {
  it('lists every exit code once', () => {
    const listed = [...exitCodeHelp().matchAll(/^ +(\d+) {2}\S/gm)].map(([, code]) => Number(code))
    expect(listed).toEqual(Object.values(ExitCode).sort((a, b) => a - b))
  })
})

describe('the error classes', () => {
  it('are all known to the report', () => {
    const source = ['ports', 'objects'].map((layer) =>
      readFileSync(new URL(`../../src/${layer}/errors.ts`, import.meta.url), 'utf8'),
    )
    const names = [...source.join('\n').matchAll(/readonly name = '(\w+)'/g)].map(([, name]) => name)
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) expect(Object.keys(sentences)).toContain(name)
  })
})
