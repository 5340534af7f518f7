import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ActivityLog } from '../../../src/adapters/node/activity-log.ts'
import type { LogRecord } from '../../../src/ports/logger.ts'
import { VirtualClock } from '../../support/virtual-clock.ts'

/** Where it is turned over, as documented. */
const MIB = 1024 * 1024

let folder: string
let file: string
const clock = new VirtualClock()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'activity-'))
  file = join(folder, 'activity.log')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const linesOf = (path: string): LogRecord[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LogRecord)
const numbersOf = (path: string) => linesOf(path).map(({ data }) => data!.number as number)

describe('[L10] the activity log on disk', () => {
  it('holds one JSON object per line and event, with its time and peer', () => {
    const log = new ActivityLog(file, clock)
    log.log('info', 'link.up', 'connected to Phone\nor so', { peer: 'ab'.repeat(32) })
    log.log('warn', 'device.warning', 'a warning')
    expect(linesOf(file)).toEqual([
      {
        at: clock.now(),
        level: 'info',
        event: 'link.up',
        peer: 'ab'.repeat(32),
        message: 'connected to Phone\nor so',
        data: { peer: 'ab'.repeat(32) },
      },
      { at: clock.now(), level: 'warn', event: 'device.warning', message: 'a warning' },
    ])
  })

  it('is turned over at 1 MiB and keeps one older file: never more than 2 MiB, and no line is cut or lost in between', () => {
    const log = new ActivityLog(file, clock)
    const message = 'x'.repeat(1000)
    for (let number = 0; number < 4000; number++) {
      log.log('info', 'test', message, { number })
      if (number % 250) continue
      expect(statSync(file).size).toBeLessThanOrEqual(MIB)
      if (existsSync(`${file}.1`)) expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(MIB)
    }
    const kept = [...numbersOf(`${file}.1`), ...numbersOf(file)]
    expect(kept.length).toBeGreaterThan(900)
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 4000 - kept.length + i))
    expect(existsSync(`${file}.2`)).toBe(false)
  })

  it('counts bytes, not letters: notes in any script turn it over in time', () => {
    const log = new ActivityLog(file, clock)
    for (let number = 0; number < 1000; number++) log.log('info', 'test', '日本語'.repeat(300), { number })
    expect(statSync(file).size).toBeLessThanOrEqual(MIB)
    expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(MIB)
  })

  it('goes on after a restart where it was, and is turned over no later', () => {
    const message = 'x'.repeat(10_000)
    for (let number = 0; number < 150; number++) new ActivityLog(file, clock).log('info', 'test', message, { number })
    expect([...numbersOf(`${file}.1`), ...numbersOf(file)]).toEqual(Array.from({ length: 150 }, (_, i) => i))
    expect(statSync(`${file}.1`).size).toBeLessThanOrEqual(MIB)
    expect(statSync(`${file}.1`).size).toBeGreaterThan(MIB - 11_000)
  })

  it('keeps a line within 16 KiB: the sentence is cut, its data left out', () => {
    const log = new ActivityLog(file, clock)
    log.log('error', 'test', 'y'.repeat(5_000_000), { peer: 'ab'.repeat(32) })
    log.log('error', 'test', 'short', { list: Array.from({ length: 100_000 }, (_, i) => i) })
    expect(statSync(file).size).toBeLessThanOrEqual(32 * 1024)
    expect(linesOf(file)).toEqual([
      { at: clock.now(), level: 'error', event: 'test', peer: 'ab'.repeat(32), message: 'y'.repeat(1000) },
      { at: clock.now(), level: 'error', event: 'test', message: 'short' },
    ])
  })

  it('never stops anybody: a folder that is gone, a path that is a folder, data that is no JSON', () => {
    const told: LogRecord[] = []
    const nowhere = new ActivityLog(join(folder, 'gone', 'activity.log'), clock, (record) => void told.push(record))
    nowhere.log('info', 'test', 'one')
    const taken = join(folder, 'taken')
    mkdirSync(taken)
    new ActivityLog(taken, clock).log('info', 'test', 'two')
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const log = new ActivityLog(file, clock)
    log.log('info', 'test', 'three', circular)
    log.log('info', 'test', 'four')
    expect(told).toMatchObject([{ message: 'one' }])
    expect(linesOf(file)).toMatchObject([{ message: 'four' }])
  })

  it('keeps what another program left there at the end of a line of its own', () => {
    writeFileSync(file, '{"at":1,"level":"info","event":"old","message":"old"}\n')
    new ActivityLog(file, clock).log('info', 'test', 'new')
    expect(linesOf(file).map(({ message }) => message)).toEqual(['old', 'new'])
  })
})
