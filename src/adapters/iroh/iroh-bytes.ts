/**
 * Bytes on the way into and out of the binding. Version 1.1 takes and returns `number[]` only, converted on the main
 * thread at some 50 to 85 ns per byte: the ceiling of a transfer, and a stall for the user interface. A later version
 * takes typed arrays instead (and then no longer `number[]`), so which of the two is asked once.
 */
import type { Iroh } from './native-binding.ts'

/** One call's worth. 16 KiB as `number[]` stalls the thread for about 1 ms; larger pieces are not faster. */
const NUMBER_CHUNK = 16 * 1024
const TYPED_CHUNK = 64 * 1024

export interface ByteForm {
  /** Bytes per native read or write. */
  readonly chunk: number
  /** The range `[from, to)` as the binding wants it. What is passed belongs to the binding until its call resolved. */
  toNative(bytes: Uint8Array, from?: number, to?: number): number[]
  fromNative(bytes: number[] | Uint8Array): Uint8Array
}

export function detectByteForm(iroh: Iroh): ByteForm {
  return takesTypedArrays(iroh) ? TYPED : NUMBERS
}

function takesTypedArrays(iroh: Iroh): boolean {
  try {
    iroh.SecretKey.fromBytes(new Uint8Array(32).fill(1) as unknown as number[])
    return true
  } catch {
    return false
  }
}

/** Exported for tests: the binding of today takes only the other. */
export const TYPED: ByteForm = {
  chunk: TYPED_CHUNK,
  toNative: (bytes, from = 0, to = bytes.length) => bytes.subarray(from, to) as unknown as number[],
  fromNative,
}

export const NUMBERS: ByteForm = {
  chunk: NUMBER_CHUNK,
  toNative: (bytes, from = 0, to = bytes.length) => {
    const numbers = new Array<number>(to - from)
    for (let i = from; i < to; i++) numbers[i - from] = bytes[i]!
    return numbers
  },
  fromNative,
}

function fromNative(bytes: number[] | Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes
  const typed = new Uint8Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) typed[i] = bytes[i]!
  return typed
}
