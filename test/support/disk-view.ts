import type { DiskFolder, MemoryDisk } from '../../src/adapters/memory/memory-disk.ts'

/** What a harness over a memory disk shows of it, past the vault. */
export function diskView(disk: MemoryDisk) {
  const foldersIn = (folder: DiskFolder, prefix: string): string[] =>
    [...folder.children.values()].flatMap(({ name, node }) =>
      node.kind === 'folder' ? [prefix + name, ...foldersIn(node, `${prefix}${name}/`)] : [],
    )
  return {
    bytes: (path: string) => {
      const node = disk.find(path)?.node
      return node?.kind === 'file' ? node.content : undefined
    },
    listing: () => [...disk.files().keys()].sort(),
    folders: () => foldersIn(disk.root, '').sort(),
    trash: () => disk.trash,
    duringRead: (path: string, then: () => void) => disk.duringNextRead(path, then),
    unplug: () => void (disk.rootMissing = true),
  }
}
