import { connectGit, parseGitPlace, prepareGitFolder } from '../adapters/node/git-place.ts'
import type { GitPlace } from '../adapters/node/git-place.ts'
import { systemClock } from '../adapters/node/system-clock.ts'
import { pushToMirror } from '../engine/mirror-push.ts'
import type { MirrorReport } from '../engine/mirror-push.ts'
import type { MirrorOptions } from '../engine/mirror-refs.ts'
import { restoreFromMirror } from '../engine/mirror-restore.ts'
import type { RestoreReport } from '../engine/mirror-restore.ts'
import type { Share } from '../engine/share.ts'
import { UsageError } from './usage-error.ts'

/** What `tandem mirror` reports while it works. */
export type MirrorEvent =
  | { readonly phase: 'fetch' | 'push'; readonly bytes: number }
  | { readonly phase: 'checkout'; readonly files: number; readonly totalFiles: number }

export type MirrorResult =
  | { readonly kind: 'pushed'; readonly report: MirrorReport }
  | { readonly kind: 'restored'; readonly report: RestoreReport }

/** @throws UsageError `usage` */
export function parseMirrorPlace(text: string, cwd: string): GitPlace {
  const place = parseGitPlace(text, cwd)
  if (!place) throw new UsageError('usage', `a mirror is a folder, or git://HOST/PATH, not ${text}`)
  return place
}

/** One exchange between a share of an engine in this process and a mirror. @throws MirrorError, TransportError, the share's trouble */
export async function runMirror(
  share: Share,
  place: GitPlace,
  restore: boolean,
  onEvent: (event: MirrorEvent) => unknown,
  signal: AbortSignal,
): Promise<MirrorResult> {
  if (place.kind === 'folder') await prepareGitFolder(place.folder, { create: !restore })
  const options: MirrorOptions = {
    clock: systemClock,
    signal,
    connect: (service, ended) => connectGit(place, service, ended),
    onProgress: (phase, bytes) => void onEvent({ phase, bytes }),
  }
  if (!restore) return { kind: 'pushed', report: await pushToMirror(share.repository, options) }
  const stopListening = share.on((event) => {
    if (event.kind !== 'progress' || event.progress.phase !== 'checkout') return
    const { filesDone, filesTotal } = event.progress
    onEvent({ phase: 'checkout', files: filesDone, totalFiles: filesTotal })
  })
  try {
    return { kind: 'restored', report: await restoreFromMirror(share, options) }
  } finally {
    stopListening()
  }
}
