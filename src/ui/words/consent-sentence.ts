import type { PendingConsent } from '../../engine/consent.ts'
import { formatCount, formatList } from './format.ts'

export interface ConsentWords {
  readonly title: string
  readonly what: string
  readonly yes: string
  readonly no: string
  /** What each answer does. */
  readonly consequence: string
}

/** E3: what a large change would do, and what the two answers mean. `folder`: of a shared folder; none, or '', is the vault. */
export function consentWords({ direction, deletes, overwrites }: PendingConsent, folder = ''): ConsentWords {
  const place = folder === '' ? 'this vault' : `the shared folder “${folder}”`
  const change = formatList([
    ...(deletes.length > 0 ? [`delete ${formatCount(deletes.length, 'file')}`] : []),
    ...(overwrites.length > 0 ? [`replace the text of ${formatCount(overwrites.length, 'file')}`] : []),
  ])
  return direction === 'incoming'
    ? {
        title: 'Let another device change this much?',
        what:
          folder === ''
            ? `Your other devices ask this vault to ${change}.`
            : `Other devices ask ${place} to ${change}.`,
        yes: 'Approve',
        no: 'Keep mine',
        consequence:
          'Approve applies the change here. Keep mine leaves your files as they are, and gives them back to the other devices.',
      }
    : {
        title: 'Did you mean to delete this much?',
        what: `${formatCount(deletes.length, 'file is', 'files are')} gone from ${place} since the last look.`,
        yes: 'Delete everywhere',
        no: 'Bring them back',
        consequence:
          'Delete everywhere removes them on your other devices, too. Bring them back restores them here. Every version stays in the history.',
      }
}
