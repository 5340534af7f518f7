import type { IHasher } from 'hash-wasm'
import type { Sha1 } from '../../objects/codec.ts'

/**
 * Any number of SHA-1 computations on one wasm instance, which can hold the state of one (and is made asynchronously, so
 * that `sha1()` can't make one each). Whoever updates takes the instance; the state of the one before is saved for it.
 */
export class SharedSha1 {
  private readonly engine: IHasher
  private owner: TurnSha1 | null = null

  constructor(engine: IHasher) {
    this.engine = engine
  }

  create(): Sha1 {
    return new TurnSha1(this)
  }

  /** The engine with `hasher`'s state in it. */
  take(hasher: TurnSha1): IHasher {
    if (this.owner === hasher) return this.engine
    if (this.owner) this.owner.saved = this.engine.save()
    this.owner = hasher
    if (hasher.saved) this.engine.load(hasher.saved)
    else this.engine.init()
    hasher.saved = null
    return this.engine
  }

  release(): void {
    this.owner = null
  }
}

class TurnSha1 implements Sha1 {
  saved: Uint8Array | null = null
  private readonly shared: SharedSha1
  private used = false

  constructor(shared: SharedSha1) {
    this.shared = shared
  }

  update(bytes: Uint8Array): this {
    if (this.used) throw new Error('a SHA-1 hasher that was read already')
    this.shared.take(this).update(bytes)
    return this
  }

  hex(): string {
    if (this.used) throw new Error('a SHA-1 hasher that was read already')
    this.used = true
    const text = this.shared.take(this).digest('hex')
    this.shared.release()
    return text
  }
}
