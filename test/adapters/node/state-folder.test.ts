import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { resolveVault, StateFolder } from '../../../src/adapters/node/state-folder.ts'
import type { EndpointId } from '../../../src/ports/transport.ts'
import { anId } from '../../support/sample-messages.ts'
import { aPeerRecord } from '../../support/sample-records.ts'

let folder = ''
let vault = ''
let state = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'state-folder-'))
  mkdirSync(join(folder, 'vault'))
  vault = resolveVault(join(folder, 'vault'))
  state = join(folder, 'state')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** As good as any: the id is the key's first byte. */
const idOf = (key: Uint8Array): EndpointId => anId(key[0]!)
const init = (change: { name?: string; key?: number } = {}) =>
  StateFolder.init(state, vault, {
    name: change.name,
    defaultName: 'host',
    configFolder: undefined,
    secretKey: () => Uint8Array.from({ length: 32 }, (_, index) => (index ? 0xee : (change.key ?? 1))),
    idOf,
  })
const open = () => StateFolder.open(state, vault)
const repair = () => StateFolder.open(state, vault, { idOf, repair: { defaultName: 'host' } })
const dataFile = () => join(state, 'data.json')
const readData = () => JSON.parse(readFileSync(dataFile(), 'utf8')) as Record<string, unknown>
const writeData = (change: Record<string, unknown>) =>
  writeFileSync(dataFile(), JSON.stringify({ ...readData(), ...change }))
const setAside = () => readdirSync(state).filter((name) => name.startsWith('data.json.damaged'))

describe('the state folder', () => {
  it('clears away what a killed process left, and nothing of one that lives', () => {
    init()
    const { pid: dead } = spawnSync(process.execPath, ['-e', ''])
    const left = join(state, `tmp_file_tandem_${dead}_00000000_1`)
    const inUse = join(state, `tmp_file_tandem_${process.ppid}_00000000_1`)
    for (const file of [left, inUse]) writeFileSync(file, '{')
    open()
    expect([existsSync(left), existsSync(inUse)]).toEqual([false, true])
  })

  it('keeps the key where only its owner reads it, and out of data.json', () => {
    const { state: made } = init()
    expect(statSync(join(state, 'device.key')).mode & 0o777).toBe(0o600)
    expect(readFileSync(dataFile(), 'utf8')).not.toContain(Buffer.from(made.secretKey).toString('hex'))
  })

  it('[C12] of two vaults are two: each its key and its devices', async () => {
    await init({ key: 1 }).state.savePeers([aPeerRecord(3)])
    mkdirSync(join(folder, 'second'))
    const other = StateFolder.init(join(folder, 'second.state'), resolveVault(join(folder, 'second')), {
      name: undefined,
      defaultName: 'host',
      configFolder: undefined,
      secretKey: () => new Uint8Array(32).fill(2),
      idOf,
    }).state
    expect(other.deviceId).not.toBe(open().deviceId)
    expect([(await other.loadPeers()).length, (await open().loadPeers()).length]).toEqual([0, 1])
  })

  it('opens one of an earlier version, with no more than it had', async () => {
    init()
    writeFileSync(
      dataFile(),
      JSON.stringify({
        version: 1,
        vault,
        deviceId: anId(1),
        settings: { deviceName: 'old' },
        peers: [aPeerRecord(3)],
      }),
    )
    expect(repair().problems).toEqual([])
    expect(open().settings).toEqual({ deviceName: 'old', configFolder: true, bind: null, ports: {} })
    expect(await open().loadPeers()).toEqual([aPeerRecord(3)])
  })
})

describe('data.json at a save', () => {
  it('[C2] keeps unknown fields, and records that cannot be read', async () => {
    init()
    writeData({
      extra: { a: [1] },
      settings: { odd: 1, maxPeers: 'x' },
      peers: [{ ...aPeerRecord(3), colour: 'red' }, 'broken'],
    })
    const opened = open()
    expect(opened.problems).toEqual([expect.stringMatching(/entry 2 .*cannot be read/)])
    const [peer] = await opened.loadPeers()
    await opened.savePeers([{ ...peer!, name: 'renamed' }])
    opened.saveSettings({ debounceMs: 400 })
    expect(readData()).toMatchObject({
      extra: { a: [1] },
      settings: { odd: 1, maxPeers: 'x', debounceMs: 400 },
      peers: [{ ...aPeerRecord(3), name: 'renamed', colour: 'red' }, 'broken'],
    })
  })

  it('keeps what a person changed in it meanwhile', async () => {
    init()
    const running = open()
    writeData({ settings: { deviceName: 'by hand', relay: 'off' } })
    await running.savePeers([aPeerRecord(3)])
    expect(readData()).toMatchObject({ settings: { deviceName: 'by hand', relay: 'off' }, peers: [aPeerRecord(3)] })
  })

  it('that was damaged meanwhile is set aside, and written anew from what is known', async () => {
    init({ name: 'mine' })
    const running = open()
    await running.savePeers([aPeerRecord(3)])
    const told: string[] = []
    running.onProblem = (message) => told.push(message)
    writeFileSync(dataFile(), '{"version": 1, "vau')
    await running.savePeers([aPeerRecord(3), aPeerRecord(4)])
    expect(setAside().map((name) => readFileSync(join(state, name), 'utf8'))).toEqual(['{"version": 1, "vau'])
    expect(told).toEqual([expect.stringContaining('data.json.damaged-1')])
    expect(readData()).toMatchObject({
      vault,
      settings: { deviceName: 'mine' },
      peers: [aPeerRecord(3), aPeerRecord(4)],
    })
  })

  it('that was removed meanwhile is written anew', async () => {
    init({ name: 'mine' })
    const running = open()
    rmSync(dataFile())
    await running.savePeers([aPeerRecord(3)])
    expect(readData()).toMatchObject({ vault, settings: { deviceName: 'mine' }, peers: [aPeerRecord(3)] })
  })

  it('that a newer version wrote meanwhile is left alone', async () => {
    init()
    const running = open()
    writeData({ version: 2, odd: true })
    const before = readFileSync(dataFile(), 'utf8')
    await expect(running.savePeers([])).rejects.toMatchObject({ code: 'newer-version' })
    expect(readFileSync(dataFile(), 'utf8')).toBe(before)
  })
})

describe('a damaged data.json', () => {
  const damages: [string, (text: string) => string][] = [
    ['cut short', (text) => text.slice(0, 60)],
    ['empty', () => ''],
    ['zeroes', (text) => '\0'.repeat(text.length)],
    ['a list', () => '[1, 2]'],
    ['nothing', () => 'null'],
    ['without fields', () => '{"version": 1}'],
    ['of version 0', (text) => text.replace('"version": 1', '"version": 0')],
    ['nested without end', () => `{"version": 1, "x": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  ]

  it.each(damages)('that is %s is refused for reading, and stays as it is', (_, damage) => {
    init()
    writeFileSync(dataFile(), damage(readFileSync(dataFile(), 'utf8')))
    const before = readFileSync(dataFile(), 'utf8')
    expect(open).toThrow(expect.objectContaining({ code: 'damaged' }) as Error)
    expect(readFileSync(dataFile(), 'utf8')).toBe(before)
    expect(setAside()).toEqual([])
  })

  it.each(damages)(
    'that is %s is set aside for who may repair it, and the device goes on with its id',
    async (_, damage) => {
      init({ name: 'mine' })
      writeFileSync(dataFile(), damage(readFileSync(dataFile(), 'utf8')))
      const before = readFileSync(dataFile(), 'utf8')
      const repaired = repair()
      expect(repaired.deviceId).toBe(anId(1))
      expect(repaired.problems.join()).toMatch(
        /data\.json was damaged .* is kept as .*data\.json\.damaged-1\..*paired again/,
      )
      expect(readFileSync(join(state, 'data.json.damaged-1'), 'utf8')).toBe(before)
      expect(open().problems).toEqual([])
      expect(open().deviceId).toBe(anId(1))
      expect(await open().loadPeers()).toEqual([])
    },
  )

  it('never takes the place of another that was set aside', () => {
    init()
    for (const text of ['first', 'second', 'third']) {
      writeFileSync(dataFile(), text)
      init()
    }
    expect(setAside().map((name) => readFileSync(join(state, name), 'utf8'))).toEqual(['first', 'second', 'third'])
  })

  it('gives what can be read of it: devices, settings, unknown fields', async () => {
    init({ name: 'mine' })
    const { settings } = readData()
    writeFileSync(dataFile(), JSON.stringify({ version: 1, settings, peers: [aPeerRecord(3)], extra: 1 }))
    const repaired = repair()
    expect(repaired.problems.join()).toMatch(/it lacks the vault, the device id.* 1 paired/)
    expect(await repaired.loadPeers()).toEqual([aPeerRecord(3)])
    expect(readData()).toMatchObject({ vault, deviceId: anId(1), settings: { deviceName: 'mine' }, extra: 1 })
  })

  it('with a key that is damaged, too, is left alone: then nobody knows who this is', () => {
    init()
    writeFileSync(dataFile(), '{')
    writeFileSync(join(state, 'device.key'), 'beef')
    expect(repair).toThrow(expect.objectContaining({ code: 'damaged' }) as Error)
    expect(readFileSync(dataFile(), 'utf8')).toBe('{')
    expect(setAside()).toEqual([])
  })

  it('of another vault, or of a newer version, is left alone', () => {
    init()
    for (const [text, code] of [
      [JSON.stringify({ version: 1, vault: '/elsewhere', settings: [] }), 'other-vault'],
      [JSON.stringify({ version: 2, vault: '/elsewhere', settings: [] }), 'newer-version'],
    ] as const) {
      writeFileSync(dataFile(), text)
      expect(repair).toThrow(expect.objectContaining({ code }) as Error)
      expect(readFileSync(dataFile(), 'utf8')).toBe(text)
    }
    expect(setAside()).toEqual([])
  })
})

describe('a data.json of another device', () => {
  it('[P6] gives this one neither its id nor its devices, and keeps its list for it', async () => {
    init({ key: 1 })
    const foreign = { deviceId: anId(9), peers: [aPeerRecord(1), aPeerRecord(3)] }
    writeData(foreign)
    const opened = repair()
    expect([opened.deviceId, await opened.loadPeers()]).toEqual([anId(1), []])
    expect(opened.problems).toEqual([expect.stringMatching(/comes from another device/)])
    await opened.savePeers([aPeerRecord(4)])
    expect(readData()).toMatchObject({
      deviceId: anId(1),
      peers: [aPeerRecord(4)],
      otherDevices: { [anId(9)]: { peers: foreign.peers } },
    })
    expect(setAside()).toEqual([])
  })

  it('[P6] settings of it that make no sense here are named, and have their defaults', () => {
    init()
    writeData({ settings: { deviceName: 5, configFolder: 'x', bind: 'localhost', ports: { ipv4: -1 } } })
    const opened = open()
    expect(opened.settings).toEqual({ deviceName: 'headless', configFolder: true, bind: null, ports: {} })
    expect(opened.problems).toHaveLength(4)
    expect(readData().settings).toEqual({ deviceName: 5, configFolder: 'x', bind: 'localhost', ports: { ipv4: -1 } })
  })
})
