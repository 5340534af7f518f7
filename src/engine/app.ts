export { VAULT_SHARE } from '../ports/share-record.ts'

/** ALPN of the Tandem protocol: the major version is part of it. */
export const ALPN = 'tandem/1'
export const APP_VERSION = '0.1.0'
/** How git's `agent` capability calls us. */
export const GIT_AGENT = `tandem/${APP_VERSION}`
