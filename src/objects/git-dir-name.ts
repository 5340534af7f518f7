/** Code points that HFS+ ignores in names (git: utf8.c, next_hfs_char). */
const HFS_IGNORED = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g
const HFS_GIT_DIR = /^\.git$/i
/** As NTFS reads it: the short name too, trailing dots and spaces dropped, a stream's name after the colon. */
const NTFS_GIT_DIR = /^(?:\.git|git~1)[. ]*(?:$|:)/i
/** What all of them begin with; spares the other names the rest. */
const MAY_BE_GIT_DIR = /^[.gG\u200c-\ufeff]|\\/

/**
 * Whether some file system would take this one name for `.git`, and so let a tree write into a repository: the set that
 * `git fsck` refuses (`hasDotgit`, CVE-2014-9390, CVE-2019-1352 ff.). A backslash counts as a separator here, as on Windows.
 */
export function isGitDirName(name: string): boolean {
  if (!MAY_BE_GIT_DIR.test(name)) return false
  if (HFS_GIT_DIR.test(name.replace(HFS_IGNORED, ''))) return true
  return name.includes('\\') ? name.split('\\').some((part) => NTFS_GIT_DIR.test(part)) : NTFS_GIT_DIR.test(name)
}
