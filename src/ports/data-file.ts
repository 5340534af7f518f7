import type { PeerRecord } from './data-store.ts'
import type { ShareRecord } from './share-record.ts'
import { isEndpointId, type EndpointId } from './transport.ts'

/**
 * `data.json` as a value: reading it with its faults, and changing it without losing what it holds. Pure; the adapters read and
 * write the file.
 *
 *   {
 *     "version": 1,                 missing: 1
 *     "deviceId": "<endpoint id>",  whose list `peers` is; missing: of whoever reads it
 *     "settings": { … },            only what somebody chose
 *     "peers": [ PeerRecord … ],
 *     "shares": [ ShareRecord … ],  folder shares; missing: none
 *     "otherDevices": { "<endpoint id>": { "peers": [ … ], "shares": [ … ] } }
 *   }
 *
 * 1. Whatever is not ours, or cannot be read, survives every change: unknown fields here, in the settings and in a record,
 *    and records that make no sense.
 * 2. The file may come from another device, by some other sync of the folder it lies in (P6). That one's list is not ours: it
 *    waits in `otherDevices` for its owner, and so does ours over there.
 */

export type JsonObject = Readonly<Record<string, unknown>>

/** Of the layout above. */
export const DATA_VERSION = 1
/** Bytes, or characters; a list of 1,000 devices takes a tenth of a percent of it each. */
export const MAX_DATA_LENGTH = 16 * 1024 * 1024
const MAX_NAME_LENGTH = 1_000
const MAX_TICKET_LENGTH = 10_000
/** A name that is made at random, and that is a folder's on the disk (see ShareRecord). */
const SHARE_ID = /^[0-9a-f]{32}$/
/** Faults that are named one by one. */
const NAMED = 10

/** What lies where the file should. */
export type JsonReading =
  | { readonly kind: 'parsed'; readonly value: unknown }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unparsable'; readonly why: string }

export type DataReading =
  | {
      readonly kind: 'good'
      readonly data: JsonObject
      readonly settings: JsonObject
      readonly peers: readonly PeerRecord[]
      /** Sentences about records that were left out. */
      readonly problems: readonly string[]
    }
  /** Written by a newer version: not to be touched. */
  | { readonly kind: 'newer'; readonly version: number }
  /** To be set aside; `rest` is what of it can be used. */
  | { readonly kind: 'damaged'; readonly why: string; readonly rest: JsonObject }

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `raw` with the change in it; undefined removes a key. */
export function mergeObject(raw: JsonObject, change: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries({ ...raw, ...change }).filter(([, value]) => value !== undefined))
}

/** The file, for the device that reads it; one that is missing is an empty one. Never throws. */
export function readDataFile(json: JsonReading, self: EndpointId): DataReading {
  if (json.kind === 'unparsable') return { kind: 'damaged', why: json.why, rest: {} }
  return readData(json.kind === 'parsed' ? json.value : {}, self)
}

/** The same, of parsed JSON. */
export function readData(value: unknown, self: EndpointId): DataReading {
  if (!isJsonObject(value)) return { kind: 'damaged', why: 'it holds no object', rest: {} }
  const { version = DATA_VERSION, settings = {}, peers = [], shares = [], otherDevices = {}, deviceId } = value
  if (typeof version === 'number' && version > DATA_VERSION) return { kind: 'newer', version }
  const isId = deviceId === undefined || (typeof deviceId === 'string' && isEndpointId(deviceId))
  const faults = {
    version: version === DATA_VERSION ? '' : 'its version makes no sense',
    deviceId: isId ? '' : 'its device id is none',
    settings: isJsonObject(settings) ? '' : 'its settings are none',
    peers: Array.isArray(peers) ? '' : 'its list of devices is none',
    shares: Array.isArray(shares) ? '' : 'its list of shares is none',
    otherDevices: isJsonObject(otherDevices) ? '' : 'its lists of other devices are none',
  }
  const faulty = Object.entries(faults).filter(([, fault]) => fault)
  if (faulty.length) {
    const rest = mergeObject(value, Object.fromEntries(faulty.map(([key]) => [key, undefined])))
    return { kind: 'damaged', why: faulty.map(([, fault]) => fault).join(', '), rest }
  }
  return { kind: 'good', data: value, settings: settings as JsonObject, ...readPeers(value, self) }
}

/** The list that is ours, and what of it was left out. */
function readPeers(data: JsonObject, self: EndpointId): { peers: PeerRecord[]; problems: string[] } {
  const problems: string[] = []
  const peers = new Map<string, PeerRecord>()
  if (isForeign(data, self)) problems.push('data.json comes from another device: its list of devices is not used here')
  for (const [index, entry] of ownEntries(data, self).entries()) {
    const record = readPeer(entry)
    if (!record)
      problems.push(`entry ${index + 1} in the list of devices cannot be read and is left out; it stays in data.json`)
    // Left out without a word: this device itself, and further records of one device (P6).
    else if (record.nodeId !== self && !peers.has(record.nodeId)) peers.set(record.nodeId, record)
  }
  if (problems.length > NAMED) problems.splice(NAMED, Infinity, `and ${problems.length - NAMED} more like that`)
  return { peers: [...peers.values()], problems }
}

function isForeign({ deviceId }: JsonObject, self: EndpointId): boolean {
  return typeof deviceId === 'string' && deviceId !== self
}

function ownEntries(data: JsonObject, self: EndpointId, list: 'peers' | 'shares' = 'peers'): readonly unknown[] {
  const own = isForeign(data, self) ? othersOf(data)[self] : data
  const entries = isJsonObject(own) ? own[list] : undefined
  return Array.isArray(entries) ? entries : []
}

function othersOf({ otherDevices }: JsonObject): JsonObject {
  return isJsonObject(otherDevices) ? otherDevices : {}
}

function readPeer(entry: unknown): PeerRecord | undefined {
  if (!isJsonObject(entry)) return undefined
  const { nodeId, name, ticket, autoConnect, addedAt, lastSyncAt } = entry
  if (typeof nodeId !== 'string' || !isEndpointId(nodeId)) return undefined
  if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH) return undefined
  if (typeof ticket !== 'string' || ticket.length > MAX_TICKET_LENGTH) return undefined
  if (typeof autoConnect !== 'boolean') return undefined
  const times = { addedAt: isTime(addedAt) ? addedAt : 0, lastSyncAt: isTime(lastSyncAt) ? lastSyncAt : null }
  return { ...entry, nodeId, name, ticket, autoConnect, ...times }
}

/** Milliseconds since 1970 that a Date can hold. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e15
}

/**
 * `data` with this list of ours in place of the old one. Entries that cannot be read stay, unless one that could be read was of the
 * same device: then that one was the record, and a device that was removed does not come back (P5).
 */
export function withPeers(data: JsonObject, self: EndpointId, peers: readonly PeerRecord[]): JsonObject {
  const before = ownEntries(data, self)
  const known = new Set(before.map((entry) => readPeer(entry)?.nodeId).filter((id) => id !== undefined))
  for (const { nodeId } of peers) known.add(nodeId)
  const unreadable = before.filter(
    (entry) => !readPeer(entry) && !(isJsonObject(entry) && known.has(entry.nodeId as EndpointId)),
  )
  return { ...asOwn(data, self), peers: [...peers, ...unreadable] }
}

/** `data` as this device's own file: what is in it of another device waits for that one (P6), and ours waits no more. */
function asOwn(data: JsonObject, self: EndpointId): JsonObject {
  if (!isForeign(data, self)) return { ...data, deviceId: self }
  const theirs = mergeObject({ peers: data.peers ?? [] }, { shares: data.shares })
  const otherDevices = mergeObject(othersOf(data), { [String(data.deviceId)]: theirs, [self]: undefined })
  const shares = ownEntries(data, self, 'shares')
  return mergeObject(data, {
    deviceId: self,
    peers: ownEntries(data, self),
    shares: shares.length ? shares : undefined,
    otherDevices,
  })
}

/** The folder shares that are ours; entries that make no sense, and second ones of an id, are left out. */
export function readShares(data: JsonObject, self: EndpointId): readonly ShareRecord[] {
  const shares = new Map<string, ShareRecord>()
  for (const entry of ownEntries(data, self, 'shares')) {
    const record = readShare(entry)
    if (record && !shares.has(record.id)) shares.set(record.id, record)
  }
  return [...shares.values()]
}

function readShare(entry: unknown): ShareRecord | undefined {
  if (!isJsonObject(entry)) return undefined
  const { id, folder, title, createdAt, from = null, access = null } = entry
  if (typeof id !== 'string' || !SHARE_ID.test(id)) return undefined
  if (typeof folder !== 'string' || !folder || folder.length > MAX_TICKET_LENGTH) return undefined
  if (typeof title !== 'string' || title.length > MAX_NAME_LENGTH) return undefined
  if (from !== null && (typeof from !== 'string' || !isEndpointId(from))) return undefined
  if (access !== null && access !== 'read' && access !== 'write') return undefined
  return { ...entry, id, folder, title, createdAt: isTime(createdAt) ? createdAt : 0, from, access }
}

/** `data` with this list of ours in place of the old one; entries that cannot be read stay. */
export function withShares(data: JsonObject, self: EndpointId, shares: readonly ShareRecord[]): JsonObject {
  const unreadable = ownEntries(data, self, 'shares').filter((entry) => !readShare(entry))
  return { ...asOwn(data, self), shares: [...shares, ...unreadable] }
}

/** `data` with a change of its settings; undefined takes a value back. All else stays. */
export function withSettings(data: JsonObject, change: JsonObject): JsonObject {
  return { ...data, settings: mergeObject(isJsonObject(data.settings) ? data.settings : {}, change) }
}

/** Where a damaged file goes: the first of `<name>.damaged-<n>` that is not there. */
export function damagedName(name: string, isTaken: (name: string) => boolean): string {
  for (let n = 1; ; n++) if (!isTaken(`${name}.damaged-${n}`)) return `${name}.damaged-${n}`
}
