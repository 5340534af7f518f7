import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import type { DiskCall } from '../../../src/adapters/node/disk-hook.ts'
import { nodeCodec } from '../../../src/adapters/node/node-codec.ts'
import { openNodeVault } from '../../../src/adapters/node/node-vault-files.ts'
import type { NodeVaultFiles, NodeVaultOptions } from '../../../src/adapters/node/node-vault-files.ts'
import type { HarnessOptions, VaultHarness } from '../../contracts/vault-files.harness.ts'
import { quickClock } from '../../support/quick-clock.ts'

export interface NodeHarness extends VaultHarness {
  vault: NodeVaultFiles
  /** The vault's folder. */
  readonly root: string
  /** A folder beside the vault. */
  readonly outside: string
  /** Called before each call on the disk; throws to let it fail. */
  hook: (call: DiskCall, disk: string) => void
}

const systemError = (code: string): Error => Object.assign(new Error(`${code}: the test says so`), { code })

/** A vault in a folder for temporary files. */
export async function makeNodeHarness(
  options: HarnessOptions = {},
  more: Partial<NodeVaultOptions> = {},
): Promise<NodeHarness> {
  const base = fs.mkdtempSync(join(fs.realpathSync(tmpdir()), 'tandem-vault-'))
  const root = join(base, 'vault')
  const outside = join(base, 'outside')
  fs.mkdirSync(root)
  fs.mkdirSync(outside)
  fs.writeFileSync(join(outside, 'secret.md'), 'secret')
  const locked = new Set<string>()
  const once: { call: DiskCall; path?: string; then: () => void }[] = []
  const on = (path: string): string => join(root, path)
  const open = (): Promise<NodeVaultFiles> =>
    openNodeVault({
      root,
      codec: nodeCodec,
      clock: quickClock,
      ...(options.scope && { scope: options.scope }),
      // Linux disks tell case apart: the adapter is told otherwise, and must then keep the rules by itself.
      ...(options.foldsCase && { caseInsensitive: true }),
      hook: (call, disk) => {
        harness.hook(call, disk)
        if (call === 'list' && locked.has(disk)) throw systemError('EACCES')
        const at = once.findIndex((wish) => wish.call === call && (wish.path === undefined || on(wish.path) === disk))
        if (at >= 0) once.splice(at, 1)[0]!.then()
      },
      ...more,
    })
  const walk = (folder: string): fs.Dirent[] =>
    fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => {
      const path = relative(root, join(entry.parentPath, entry.name))
      return path !== '.trash' && !path.startsWith('.trash/')
    })
  const pathsOf = (entries: fs.Dirent[]): string[] =>
    entries.map((entry) => relative(root, join(entry.parentPath, entry.name))).sort()

  const harness: NodeHarness = {
    vault: undefined as never,
    root,
    outside,
    hook: () => undefined,
    reopen: async () => {
      await harness.vault.close()
      return (harness.vault = await open())
    },
    write: (path, content) => {
      fs.mkdirSync(dirname(on(path)), { recursive: true })
      fs.writeFileSync(on(path), content)
    },
    remove: (path) => fs.rmSync(on(path), { recursive: true }),
    rename: (from, to) => fs.renameSync(on(from), on(to)),
    mkdir: (path) => void fs.mkdirSync(on(path), { recursive: true }),
    link: (path) => fs.symlinkSync(outside, on(path)),
    bytes: (path) => (fs.existsSync(on(path)) ? new Uint8Array(fs.readFileSync(on(path))) : undefined),
    listing: () => pathsOf(walk(root).filter((entry) => entry.isFile())),
    folders: () => pathsOf(walk(root).filter((entry) => entry.isDirectory())),
    trash: () => {
      const trash = on('.trash')
      if (!fs.existsSync(trash)) return new Map()
      const files = fs.readdirSync(trash, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
      return new Map(
        files.map((entry) => {
          const disk = join(entry.parentPath, entry.name)
          return [relative(trash, disk), new Uint8Array(fs.readFileSync(disk))]
        }),
      )
    },
    beforeReplace: (then) => {
      let done = false
      const first = (): void => {
        if (!done) then()
        done = true
      }
      once.push({ call: 'replace', then: first }, { call: 'trash', then: first })
    },
    duringRead: (path, then) => void once.push({ call: 'read', path, then }),
    failNext: (what) => {
      const [call, code] = (
        { 'disk-full': ['sync', 'ENOSPC'], unwritable: ['open', 'EACCES'], trash: ['trash', 'EXDEV'] } as const
      )[what]
      once.push({
        call,
        then: () => {
          throw systemError(code)
        },
      })
    },
    lock: (path) => void locked.add(on(path)),
    unplug: () => fs.renameSync(root, join(base, 'unplugged')),
    dispose: async () => {
      await harness.vault.close()
      fs.rmSync(base, { recursive: true, force: true })
    },
  }
  harness.vault = await open()
  return harness
}
