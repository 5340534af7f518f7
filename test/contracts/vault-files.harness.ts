import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import type { ScopeOptions } from '../../src/adapters/memory/vault-scope.ts'
import { hashObject } from '../../src/objects/hash.ts'
import type { Oid } from '../../src/objects/oid.ts'
import { parseVaultPath } from '../../src/objects/vault-path.ts'
import type { VaultPath } from '../../src/objects/vault-path.ts'
import type { DeleteStep, VaultFiles, WriteStep } from '../../src/ports/vault-files.ts'

export interface HarnessOptions {
  readonly scope?: ScopeOptions
  /** A disk that takes `Note.md` and `note.md` for one file. */
  readonly foldsCase?: boolean
}

/** What a platform cannot do, whatever the adapter: the contract then asks for what is left. */
export interface Lacks {
  /** Files whose name begins with a dot are not seen, except in the config folder. */
  readonly hiddenFiles?: boolean
  /** Nor is the config folder. */
  readonly configFolder?: boolean
  /** No name can hold a backslash. */
  readonly backslashes?: boolean
  /** A symbolic link looks like what it leads to. */
  readonly linkKinds?: boolean
}

/** Whether a platform with these lacks holds such a path. `configDir` is the config folder. */
export const canHold = (path: string, lacks: Lacks, configDir = '.obsidian'): boolean =>
  !(lacks.backslashes && path.includes('\\')) &&
  !(lacks.hiddenFiles && /(?:^|\/)\./.test(path) && (lacks.configFolder || !path.startsWith(`${configDir}/`)))

/** One disk with one vault, and the person who works on it. All but `reopen` acts at once. */
export interface VaultHarness {
  vault: VaultFiles
  /** Ends the adapter and opens another on the same disk. */
  reopen(): Promise<VaultFiles>
  write(path: string, content: string | Uint8Array): void
  remove(path: string): void
  rename(from: string, to: string): void
  mkdir(path: string): void
  /** A symbolic link, leading out of the vault to a folder that holds `secret.md`. */
  link(path: string): void
  /** Raw content by the path on disk; undefined when there is no file. */
  bytes(path: string): Uint8Array | undefined
  /** Every file on disk but the trash, by true path, sorted; temporary files too. */
  listing(): string[]
  folders(): string[]
  /** Files in the trash by path. */
  trash(): ReadonlyMap<string, Uint8Array>
  /** Runs once, after the last check but one of the next write or delete: right before the disk changes. */
  beforeReplace(then: () => void): void
  /** Runs while the next read of this path is under way. */
  duringRead(path: string, then: () => void): void
  failNext(what: 'disk-full' | 'unwritable' | 'trash'): void
  /** The folder cannot be listed from now on. */
  lock(path: string): void
  /** The vault's folder goes away. */
  unplug(): void
  dispose(): Promise<void>
}

export type MakeHarness = (options?: HarnessOptions) => Promise<VaultHarness>

export const at = (path: string): VaultPath => parseVaultPath(path)
export const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content
export const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
export const oidOf = (content: string | Uint8Array): Oid => hashObject(nodeCodec, 'blob', bytesOf(content))

/** A step that writes `content` where `expect` (a content, or nothing) is expected. */
export const writing = (path: string, content: string | Uint8Array, expect: string | Uint8Array | null): WriteStep => ({
  kind: 'write',
  path: at(path),
  expect: expect === null ? null : oidOf(expect),
  oid: oidOf(content),
})

export const deleting = (path: string, expect: string | Uint8Array): DeleteStep => ({
  kind: 'delete',
  path: at(path),
  expect: oidOf(expect),
})
