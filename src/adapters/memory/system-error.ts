/** The system's code of a failed call (`ENOENT`, `ENOSPC` …), or '' when it was none: phones give none. */
export function errno(cause: unknown): string {
  const code: unknown = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : ''
}

/** Names that this file system refuses, or a file larger than it can hold (4 GiB on FAT): waiting changes nothing (E6). */
export const isImpossible = (cause: unknown): boolean =>
  ['ENAMETOOLONG', 'EINVAL', 'EILSEQ', 'EFBIG'].includes(errno(cause))

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'this user has no permission',
  EPERM: 'the system does not permit it',
  EROFS: 'the disk is read-only',
  EBUSY: 'another program is using it',
  EIO: 'the disk reports a defect',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's disk quota is used up",
  ELOOP: 'it is a symbolic link',
  EMFILE: 'too many files are open',
  ENFILE: 'too many files are open',
  EXDEV: 'it lies on another disk',
  ENAMETOOLONG: 'the name is too long for this disk',
  EINVAL: 'this disk does not take the name',
  EILSEQ: 'this disk does not take the characters of the name',
  EFBIG: 'the file is too large for this disk',
  ENOENT: 'it is not there any more',
  ENOTDIR: 'a file is where a folder should be',
}

/** What failed, in words that follow "because". */
export function reasonOf(cause: unknown): string {
  const code = errno(cause)
  if (REASONS[code]) return `${REASONS[code]} (${code})`
  return cause instanceof Error ? cause.message : String(cause)
}
