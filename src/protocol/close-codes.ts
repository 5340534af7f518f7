/** Application close codes of a Tandem connection. Below 4000 is the network library's own ground. */
export const CLOSE = {
  shutdown: 4000,
  /** The pair has another link that stays (L3): no error, no backoff. */
  duplicate: 4001,
  version: 4002,
  /** Unknown endpoint, or a pairing secret that is wrong, expired or used (P2, P4). */
  unauthorised: 4003,
  protocol: 4004,
  /** 30 s of silence (L6). */
  silent: 4005,
  /** This device was removed over there: do not dial again (P5). */
  removed: 4006,
  disconnect: 4007,
  busy: 4008,
} as const

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]
