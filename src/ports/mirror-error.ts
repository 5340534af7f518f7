import { TandemError } from './errors.ts'

export type MirrorErrorCode =
  'no-git' | 'not-a-repository' | 'inside-vault' | 'refused' | 'damaged' | 'not-forward' | 'nothing-there' | 'unrelated'

/**
 * A git repository that serves as a vault's mirror. `no-git`: stock git is not installed, which a folder needs. `not-a-repository`:
 * something else lies there. `refused`: its git said no, in its words. `damaged`: it lacks what its refs name. `not-forward`: it holds
 * history that a push would hide. `nothing-there`: there is nothing to restore. `unrelated`: the vault has files of another history.
 */
export class MirrorError extends TandemError<MirrorErrorCode> {
  override readonly name = 'MirrorError'
}
