import { encodeUtf8 } from './bytes.ts'
import { CorruptObjectError } from './errors.ts'

/** Who and when, as commits and tags hold it: `Name <email> seconds +hhmm`. */
export interface Identity {
  readonly name: string
  readonly email: string
  /** Since 1970, whole. */
  readonly seconds: number
  /** Offset of local time from UTC, minutes east. */
  readonly zoneMinutes: number
}

const UNSAFE = /[<>\n\0]/
/** `+hhmm`, four digits: git fsck takes no other. */
const MAX_ZONE_MINUTES = 99 * 60 + 59
/** UTF-8 bytes; long enough for a device's name, short enough for a line of a log. */
const MAX_NAME_BYTES = 100

/** @throws CorruptObjectError `bad-commit` for what `git fsck --strict` would refuse (V9) */
export function encodeIdentity(identity: Identity): string {
  const { name, email, seconds, zoneMinutes } = identity
  if (UNSAFE.test(name) || UNSAFE.test(email)) throw badIdentity('a name or address with a character of its own syntax')
  if (!Number.isSafeInteger(seconds) || seconds < 0) throw badIdentity('a time that is no whole second since 1970')
  if (!Number.isInteger(zoneMinutes) || Math.abs(zoneMinutes) > MAX_ZONE_MINUTES) throw badIdentity('an unknown zone')
  return `${name} <${email}> ${seconds} ${encodeZone(zoneMinutes)}`
}

/**
 * Never refuses: history holds identities without a name, an address or a time. What is missing is '' or 0.
 * As git does, takes the time from behind the last `>`.
 */
export function decodeIdentity(text: string): Identity {
  const open = text.indexOf('<')
  const close = text.lastIndexOf('>')
  const name = (open < 0 ? text : text.slice(0, open)).replace(/ $/, '')
  const email = open >= 0 && close > open ? text.slice(open + 1, close) : ''
  const when = /^ *(-?\d+)(?: +([+-]\d+))?/.exec(close < 0 ? '' : text.slice(close + 1))
  const seconds = when ? Number(when[1]) : 0
  return {
    name,
    email,
    seconds: Number.isSafeInteger(seconds) ? seconds : 0,
    zoneMinutes: decodeZone(when?.[2] ?? '+0000'),
  }
}

/** A device's name as an identity may hold it: no brackets, no control characters, at most 100 bytes; never empty. */
export function cleanIdentityName(text: string): string {
  const line = text
    .replace(/(?:[<>]|\p{Cc}|\p{Cs})+/gu, ' ')
    .replace(/ {2,}/g, ' ')
    .trim()
  let name = ''
  let bytes = 0
  for (const point of line) {
    bytes += encodeUtf8(point).length
    if (bytes > MAX_NAME_BYTES) break
    name += point
  }
  return name.trim() || 'unknown'
}

function encodeZone(minutes: number): string {
  const size = Math.abs(minutes)
  const digits = String(Math.floor(size / 60) * 100 + (size % 60)).padStart(4, '0')
  return (minutes < 0 ? '-' : '+') + digits
}

function decodeZone(text: string): number {
  const digits = Number(text.slice(1))
  const minutes = Math.floor(digits / 100) * 60 + (digits % 100)
  if (minutes === 0 || minutes > MAX_ZONE_MINUTES) return 0
  return text.startsWith('-') ? -minutes : minutes
}

function badIdentity(what: string): CorruptObjectError {
  return new CorruptObjectError('bad-commit', `a commit's identity has ${what}`)
}
