import type { ShareName } from '../protocol/messages.ts'

/** ALPN of the Tandem protocol: the major version is part of it. */
export const ALPN = 'tandem/1'
export const APP_VERSION = '0.1.0'
/** The default share: the whole vault (V1). */
export const VAULT_SHARE: ShareName = 'vault'
