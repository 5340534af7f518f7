import fc from 'fast-check'
import type { VaultListing } from '../../src/history/compare-vaults.ts'
import type { Oid } from '../../src/objects/oid.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import type { EndpointId } from '../../src/ports/transport.ts'
import type {
  ByeReason,
  DeviceHeads,
  Hello,
  LinkMessage,
  SendableMessage,
  SyncAnswer,
} from '../../src/protocol/messages.ts'

/** The endpoint id made of one byte, so that `anId(1) < anId(2)`. */
export const anId = (n: number): EndpointId => (n & 0xff).toString(16).padStart(2, '0').repeat(32) as EndpointId
export const anOid = (n: number): Oid => n.toString(16).padStart(40, '0') as Oid

/** A listing in order: path to the number that makes its oid. */
export function aListing(files: Readonly<Record<string, number>>): VaultListing {
  return Object.entries(files)
    .map(([path, n]) => ({ path: path as VaultPath, oid: anOid(n) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** As many files in a folder, in order; two of them differ in nothing but their number. */
export function manyFiles(count: number, folder: string): VaultListing {
  return Array.from({ length: count }, (_, i) => ({
    path: `${folder}/${String(i).padStart(6, '0')}.md` as VaultPath,
    oid: anOid(i),
  }))
}

export function aHello(n: number, change: Partial<Hello> = {}): Hello {
  return {
    protocol: 100,
    endpointId: anId(n),
    bootId: new Uint8Array(16).fill(n),
    deviceName: `device ${n}`,
    appVersion: '1.2.3',
    features: ['a'],
    ticket: 'ticket',
    nonce: new Uint8Array(32).fill(n),
    pairing: false,
    ...change,
  }
}

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits })
const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const name = fc.stringMatching(/^[A-Za-zäö日 ]{0,20}$/).map((text) => text.trim() || 'x')
export const someId = hex(64) as fc.Arbitrary<EndpointId>
export const someOid = hex(40) as fc.Arbitrary<Oid>
const someHeads: fc.Arbitrary<DeviceHeads> = fc
  .array(fc.tuple(someId, someOid), { maxLength: 5 })
  .map((list) => new Map(list))
const someView = fc.option(someOid)
/** Few shares and few devices, so that events of a sequence meet. */
const someShare = fc.constantFrom('vault', 'work', 'other')
const someTime = fc.nat({ max: 2 ** 48 })

export const someHello: fc.Arbitrary<Hello> = fc.record({
  protocol: fc.constantFrom(0, 99, 100, 101, 199, 200, 4_000_000_000),
  endpointId: someId,
  bootId: fixed(16),
  deviceName: name,
  appVersion: name,
  features: fc.array(name, { maxLength: 3 }),
  ticket: name,
  nonce: fixed(32),
  pairing: fc.boolean(),
})

function normalised(files: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(files).map(([path, n]) => [path.normalize('NFC'), n]))
}

/** Every kind of message that can be sent. */
export const someMessage: fc.Arbitrary<SendableMessage> = fc.oneof(
  someHello.map((hello) => ({ kind: 'hello' as const, hello })),
  fixed(32).map((mac) => ({ kind: 'pair-proof' as const, mac })),
  fc.boolean().map((accepted) => ({ kind: 'pair-confirm' as const, accepted })),
  fc.constant({ kind: 'pair-done' as const }),
  fc.record({
    kind: fc.constant('pair-listing' as const),
    files: fc.dictionary(name, fc.nat({ max: 9 }), { maxKeys: 4 }).map((files) => aListing(normalised(files))),
    last: fc.boolean(),
  }),
  fc.constant({ kind: 'pair-more' as const }),
  fc.boolean().map((accepted) => ({ kind: 'pair-agree' as const, accepted })),
  fc.record({ kind: fc.constant('directory' as const), share: someShare, heads: someHeads, applied: someView }),
  fc.record({ kind: fc.constant('subscribe' as const), shares: fc.array(someShare, { maxLength: 3 }) }),
  fc.record({
    kind: fc.constant('update' as const),
    share: someShare,
    heads: someHeads,
    pack: fc.uint8Array({ maxLength: 40 }),
  }),
  fc.record({ kind: fc.constant('applied' as const), share: someShare, view: someView }),
  fc.record({ kind: fc.constant('share-offer' as const), share: someShare, title: name, write: fc.boolean() }),
  fc.record({ kind: fc.constant('share-revoked' as const), share: someShare }),
  fc.record({
    kind: fc.constant('sync-response' as const),
    share: someShare,
    answer: fc.constantFrom<SyncAnswer>('unavailable', 'up-to-date', 'update'),
  }),
  someTime.map((at) => ({ kind: 'ping' as const, at })),
  someTime.map((at) => ({ kind: 'pong' as const, at })),
  fc
    .constantFrom<ByeReason>('shutdown', 'duplicate', 'removed', 'disconnect')
    .map((reason) => ({ kind: 'bye' as const, reason })),
  fc.record({ kind: fc.constant('refusal' as const), code: name, message: name, share: someShare }),
)

export const someReceived: fc.Arbitrary<LinkMessage> = fc.oneof(
  { weight: 20, arbitrary: someMessage },
  { weight: 1, arbitrary: fc.constant({ kind: 'unknown' as const }) },
)

/** A copy of some bytes with a few of them changed, removed or added. */
export function damaged(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    how: fc.constantFrom('set', 'cut', 'add', 'drop'),
    byte: fc.nat({ max: 255 }),
  })
  return fc.tuple(bytes, fc.array(change, { minLength: 1, maxLength: 6 })).map(([original, changes]) => {
    let list = [...original]
    for (const { at, how, byte } of changes) {
      const index = Math.min(list.length - 1, Math.floor(at * list.length))
      if (how === 'set' && list.length) list[index] = byte
      else if (how === 'cut') list = list.slice(0, index + 1)
      else if (how === 'add') list.splice(index + 1, 0, byte)
      else if (list.length) list.splice(index, 1)
    }
    return Uint8Array.from(list)
  })
}
