import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { VaultListing } from '../history/compare-vaults.ts'
import { withoutInvisible } from '../objects/invisible-characters.ts'
import { oidFromBytes, oidToBytes, type Oid } from '../objects/oid.ts'
import { vaultPathProblem, type VaultPath } from '../objects/vault-path.ts'
import { ProtocolError } from '../ports/errors.ts'
import { isEndpointId, type EndpointId } from '../ports/transport.ts'
import { MAX_FRAME } from './frames.ts'
import { Bye_Reason, MessageSchema, SyncResponse_Answer, type Message, type Ref } from './peerlink_pb.ts'

/** 100 = 1.0. The hundreds are the major version: two devices that differ in it cannot talk (L5). */
export const PROTOCOL_VERSION = 100
/** Entries of one directory message, and refs of one update (T8). */
export const MAX_REFS = 10_000
const MAX_NAME = 256
const MAX_TICKET = 4096

export type ShareName = string
/** Device heads by endpoint id: the value of each `refs/devices/<id>`. */
export type DeviceHeads = ReadonlyMap<EndpointId, Oid>

export interface Hello {
  readonly protocol: number
  readonly endpointId: EndpointId
  readonly bootId: Uint8Array
  readonly deviceName: string
  readonly appVersion: string
  readonly features: readonly string[]
  readonly ticket: string
  readonly nonce: Uint8Array
  readonly pairing: boolean
}

/** What a peer says to a subscription: that it does not have the share, has nothing new, or has something. */
export type SyncAnswer = 'unavailable' | 'up-to-date' | 'update'

export type ByeReason = 'shutdown' | 'duplicate' | 'removed' | 'disconnect'

/** The messages of the control stream as the rest of the program sees them: checked, bounded, in our own types. */
export type LinkMessage =
  | { readonly kind: 'hello'; readonly hello: Hello }
  | { readonly kind: 'pair-proof'; readonly mac: Uint8Array }
  | { readonly kind: 'pair-confirm'; readonly accepted: boolean }
  | { readonly kind: 'pair-listing'; readonly files: VaultListing; readonly last: boolean }
  | { readonly kind: 'pair-more' }
  | { readonly kind: 'pair-agree'; readonly accepted: boolean }
  | { readonly kind: 'pair-done' }
  | { readonly kind: 'directory'; readonly share: ShareName; readonly heads: DeviceHeads; readonly applied: Oid | null }
  | { readonly kind: 'subscribe'; readonly shares: readonly ShareName[] }
  | { readonly kind: 'update'; readonly share: ShareName; readonly heads: DeviceHeads; readonly pack: Uint8Array }
  | { readonly kind: 'applied'; readonly share: ShareName; readonly view: Oid | null }
  | { readonly kind: 'share-offer'; readonly share: ShareName; readonly title: string; readonly write: boolean }
  | { readonly kind: 'share-revoked'; readonly share: ShareName }
  | { readonly kind: 'sync-response'; readonly share: ShareName; readonly answer: SyncAnswer }
  | { readonly kind: 'ping'; readonly at: number }
  | { readonly kind: 'pong'; readonly at: number }
  | { readonly kind: 'bye'; readonly reason: ByeReason }
  | { readonly kind: 'refusal'; readonly code: string; readonly message: string; readonly share: ShareName }
  /** A body that this version does not know: ignored, so that newer minor versions can add some. */
  | { readonly kind: 'unknown' }

/** What two devices say to each other before they are paired. */
export type PairingMessage = Extract<LinkMessage, { kind: `pair-${string}` }>

export function isPairingMessage(message: LinkMessage): message is PairingMessage {
  return message.kind.startsWith('pair-')
}

const BYE: Record<ByeReason, Bye_Reason> = {
  shutdown: Bye_Reason.SHUTDOWN,
  duplicate: Bye_Reason.DUPLICATE,
  removed: Bye_Reason.REMOVED,
  disconnect: Bye_Reason.DISCONNECT,
}

const ANSWERS: Record<SyncAnswer, SyncResponse_Answer> = {
  unavailable: SyncResponse_Answer.UNAVAILABLE,
  'up-to-date': SyncResponse_Answer.UP_TO_DATE,
  update: SyncResponse_Answer.UPDATE,
}

/** A name from another device, made safe to show: no control characters, at most 60 characters. */
export function cleanName(text: string): string {
  const clean = withoutInvisible(text).trim()
  return [...clean].slice(0, 60).join('') || 'unnamed device'
}

/** Words from another device, made safe to show and to log. */
export function cleanText(text: string, limit: number): string {
  return withoutInvisible(text.slice(0, limit).replace(/\s/gu, ' '))
}

function bounded(text: string, limit: number, what: string): string {
  if (text.length > limit) throw new ProtocolError('bad-message', `the ${what} is longer than ${limit} characters`)
  return text
}

function sized(bytes: Uint8Array, length: number, what: string): Uint8Array {
  if (bytes.length !== length)
    throw new ProtocolError('bad-message', `the ${what} has ${bytes.length} bytes instead of ${length}`)
  return bytes
}

/** A time that can be sent back: no number above 2^53 comes out of the encoding as it went in. */
function time(at: bigint): number {
  if (at > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError('bad-message', 'a time is out of range')
  return Number(at)
}

function endpointId(text: string): EndpointId {
  if (!isEndpointId(text)) throw new ProtocolError('bad-message', 'a device id is not 64 hex digits')
  return text
}

/** E6. A path that is not in NFC was not made by us: two that become one would hide a file. */
function vaultPath(text: string): VaultPath {
  const problem = vaultPathProblem(text) ?? (text === text.normalize('NFC') ? null : 'The path is not normalised')
  if (problem !== null)
    throw new ProtocolError('bad-message', `the other device listed a path that cannot be: ${problem}`)
  return text as VaultPath
}

export function decodeOid(bytes: Uint8Array): Oid {
  return oidFromBytes(sized(bytes, 20, 'object id'))
}

function optionalOid(bytes: Uint8Array): Oid | null {
  return bytes.length ? decodeOid(bytes) : null
}

function decodeHeads(refs: readonly Ref[]): DeviceHeads {
  if (refs.length > MAX_REFS)
    throw new ProtocolError('limit', `the message names ${refs.length} refs; the limit is ${MAX_REFS}`)
  return new Map(refs.map((ref) => [endpointId(ref.device), decodeOid(ref.oid)]))
}

function encodeHeads(heads: DeviceHeads) {
  return [...heads].map(([device, oid]) => ({ device, oid: oidToBytes(oid) }))
}

/** @throws ProtocolError `bad-message`, `limit` */
export function decodeMessage(bytes: Uint8Array): LinkMessage {
  let message: Message
  try {
    message = fromBinary(MessageSchema, bytes)
  } catch (cause) {
    throw new ProtocolError(
      'bad-message',
      'the other device sent something that is not a Tandem message',
      {},
      { cause },
    )
  }
  const body = message.body
  switch (body.case) {
    case 'hello': {
      const h = body.value
      return {
        kind: 'hello',
        hello: {
          protocol: h.protocol,
          endpointId: endpointId(h.endpointId),
          bootId: sized(h.bootId, 16, 'boot id'),
          deviceName: cleanName(bounded(h.deviceName, MAX_NAME, 'device name')),
          appVersion: cleanName(bounded(h.appVersion, MAX_NAME, 'app version')),
          features: h.features.slice(0, 100).map((f) => bounded(f, MAX_NAME, 'feature name')),
          ticket: bounded(h.ticket, MAX_TICKET, 'ticket'),
          nonce: sized(h.nonce, 32, 'nonce'),
          pairing: h.pairing,
        },
      }
    }
    case 'pairProof':
      return { kind: 'pair-proof', mac: sized(body.value.mac, 32, 'pairing proof') }
    case 'pairConfirm':
      return { kind: 'pair-confirm', accepted: body.value.accepted }
    case 'pairListing':
      return {
        kind: 'pair-listing',
        files: body.value.files.map(({ path, oid }) => ({ path: vaultPath(path), oid: decodeOid(oid) })),
        last: body.value.last,
      }
    case 'pairMore':
      return { kind: 'pair-more' }
    case 'pairAgree':
      return { kind: 'pair-agree', accepted: body.value.accepted }
    case 'pairDone':
      return { kind: 'pair-done' }
    case 'directory': {
      const { share, refs, applied } = body.value
      return {
        kind: 'directory',
        share: bounded(share, MAX_NAME, 'share name'),
        heads: decodeHeads(refs),
        applied: optionalOid(applied),
      }
    }
    case 'subscribe':
      if (body.value.shares.length > 1000) throw new ProtocolError('limit', 'more than 1,000 shares in one message')
      return { kind: 'subscribe', shares: body.value.shares.map((s) => bounded(s, MAX_NAME, 'share name')) }
    case 'update': {
      const { share, refs, pack } = body.value
      return { kind: 'update', share: bounded(share, MAX_NAME, 'share name'), heads: decodeHeads(refs), pack }
    }
    case 'applied':
      return {
        kind: 'applied',
        share: bounded(body.value.share, MAX_NAME, 'share name'),
        view: optionalOid(body.value.view),
      }
    case 'shareOffer': {
      const { share, title, write } = body.value
      return {
        kind: 'share-offer',
        share: bounded(share, MAX_NAME, 'share name'),
        title: cleanName(bounded(title, MAX_NAME, 'title')),
        write,
      }
    }
    case 'shareRevoked':
      return { kind: 'share-revoked', share: bounded(body.value.share, MAX_NAME, 'share name') }
    case 'syncResponse': {
      const { share, answer } = body.value
      const found = (Object.keys(ANSWERS) as SyncAnswer[]).find((a) => ANSWERS[a] === answer)
      return {
        kind: 'sync-response',
        share: bounded(share, MAX_NAME, 'share name'),
        answer: found ?? 'unavailable',
      }
    }
    case 'ping':
      return { kind: 'ping', at: time(body.value.at) }
    case 'pong':
      return { kind: 'pong', at: time(body.value.at) }
    case 'bye': {
      const found = (Object.keys(BYE) as ByeReason[]).find((r) => BYE[r] === body.value.reason)
      return { kind: 'bye', reason: found ?? 'shutdown' }
    }
    case 'refusal': {
      const { code, message: text, share } = body.value
      return {
        kind: 'refusal',
        code: cleanText(bounded(code, MAX_NAME, 'code'), MAX_NAME),
        message: cleanText(text, 500),
        share: bounded(share, MAX_NAME, 'share name'),
      }
    }
    case undefined:
      return { kind: 'unknown' }
  }
}

type Init = Parameters<typeof create<typeof MessageSchema>>[1]

function toInit(message: Exclude<LinkMessage, { kind: 'unknown' }>): Init {
  switch (message.kind) {
    case 'hello':
      return { body: { case: 'hello', value: { ...message.hello, features: [...message.hello.features] } } }
    case 'pair-proof':
      return { body: { case: 'pairProof', value: { mac: message.mac } } }
    case 'pair-confirm':
      return { body: { case: 'pairConfirm', value: { accepted: message.accepted } } }
    case 'pair-listing': {
      const files = message.files.map(({ path, oid }) => ({ path, oid: oidToBytes(oid) }))
      return { body: { case: 'pairListing', value: { files, last: message.last } } }
    }
    case 'pair-more':
      return { body: { case: 'pairMore', value: {} } }
    case 'pair-agree':
      return { body: { case: 'pairAgree', value: { accepted: message.accepted } } }
    case 'pair-done':
      return { body: { case: 'pairDone', value: {} } }
    case 'directory':
      return {
        body: {
          case: 'directory',
          value: {
            share: message.share,
            refs: encodeHeads(message.heads),
            applied: message.applied ? oidToBytes(message.applied) : new Uint8Array(),
          },
        },
      }
    case 'subscribe':
      return { body: { case: 'subscribe', value: { shares: [...message.shares] } } }
    case 'update':
      return {
        body: { case: 'update', value: { share: message.share, refs: encodeHeads(message.heads), pack: message.pack } },
      }
    case 'applied':
      return {
        body: {
          case: 'applied',
          value: { share: message.share, view: message.view ? oidToBytes(message.view) : new Uint8Array() },
        },
      }
    case 'share-offer': {
      const { share, title, write } = message
      return { body: { case: 'shareOffer', value: { share, title, write } } }
    }
    case 'share-revoked':
      return { body: { case: 'shareRevoked', value: { share: message.share } } }
    case 'sync-response':
      return { body: { case: 'syncResponse', value: { share: message.share, answer: ANSWERS[message.answer] } } }
    case 'ping':
      return { body: { case: 'ping', value: { at: BigInt(Math.floor(message.at)) } } }
    case 'pong':
      return { body: { case: 'pong', value: { at: BigInt(Math.floor(message.at)) } } }
    case 'bye':
      return { body: { case: 'bye', value: { reason: BYE[message.reason] } } }
    case 'refusal':
      return {
        body: { case: 'refusal', value: { code: message.code, message: message.message, share: message.share } },
      }
  }
}

export type SendableMessage = Exclude<LinkMessage, { kind: 'unknown' }>

/** @throws ProtocolError `frame-too-large` when it would not fit a frame. */
export function encodeMessage(message: SendableMessage): Uint8Array {
  const bytes = toBinary(MessageSchema, create(MessageSchema, toInit(message)))
  if (bytes.length > MAX_FRAME)
    throw new ProtocolError(
      'frame-too-large',
      `a ${message.kind} message of ${bytes.length} bytes does not fit a frame`,
    )
  return bytes
}
