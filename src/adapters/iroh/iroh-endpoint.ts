import type { Endpoint, RelayMode } from '@number0/iroh'
import { TransportError } from '../../ports/errors.ts'
import type { ByteForm } from './iroh-bytes.ts'
import { irohMessage, isAddressMissing, isPortTaken } from './iroh-errors.ts'
import { isLoopbackSocket } from './local-addresses.ts'
import type { Iroh } from './native-binding.ts'

/** Where Iroh's relays serve QUIC unless told otherwise. */
const RELAY_QUIC_PORT = 7842

/** `off`: direct addresses only. `default`: the public relays and look-up of n0. Else the URLs of own relays. */
export type RelayChoice = 'off' | 'default' | readonly string[]

/** Sockets as `ip:port`, port 0 for any. What is left out is bound to every address at any port. */
export interface BindAddresses {
  readonly ipv4?: string
  readonly ipv6?: string
}

export interface EndpointOptions {
  readonly secretKey: Uint8Array
  readonly alpn: string
  readonly bind: BindAddresses
  readonly relay: RelayChoice
  readonly onWarning?: (message: string) => void
}

/**
 * Binds an endpoint. A port that is taken is given up for another, and IPv6 where there is none; both are warned of.
 * @throws TransportError `bind-failed`.
 */
export async function bindEndpoint(iroh: Iroh, form: ByteForm, options: EndpointOptions): Promise<Endpoint> {
  let bind = completed(options.bind)
  for (;;) {
    try {
      return await tryBind(iroh, form, options, bind)
    } catch (cause) {
      const next = nextTry(bind, cause)
      if (!next)
        throw new TransportError(
          'bind-failed',
          `The network port cannot be opened: ${irohMessage(cause)}`,
          {},
          { cause },
        )
      options.onWarning?.(next.warning)
      bind = next.bind
    }
  }
}

/** A builder serves for one bind: any call to it afterwards kills the process. */
async function tryBind(iroh: Iroh, form: ByteForm, options: EndpointOptions, bind: BindAddresses): Promise<Endpoint> {
  const builder = iroh.Endpoint.builder()
  if (options.relay === 'default') {
    iroh.presetN0(builder)
  } else {
    iroh.presetMinimal(builder)
    builder.relayMode(relayMode(iroh, options.relay === 'off' ? [] : options.relay))
  }
  builder.secretKey(form.toNative(options.secretKey))
  builder.alpns([form.toNative(new TextEncoder().encode(options.alpn))])
  if (bind.ipv4 !== undefined) builder.bindAddr(bind.ipv4)
  if (bind.ipv6 !== undefined) builder.bindAddr(bind.ipv6)
  return builder.bind()
}

function relayMode(iroh: Iroh, urls: readonly string[]): RelayMode {
  if (urls.length === 0) return iroh.RelayMode.disabled()
  const map = iroh.RelayMap.empty()
  // A relay helps to find out the own public address over QUIC, too, if it has a certificate. Without one nothing answers
  // there, and the endpoint would wait for that before it chose the relay.
  for (const url of urls) map.insert(url.startsWith('https:') ? { url, quicPort: RELAY_QUIC_PORT } : { url })
  return iroh.RelayMode.custom(map)
}

/** The binding opens every address of a family that is not named, also when the other one is bound to loopback only. */
function completed({ ipv4, ipv6 }: BindAddresses): BindAddresses {
  if (ipv4 !== undefined && ipv6 === undefined && isLoopbackBind(ipv4)) return { ipv4, ipv6: '[::1]:0' }
  if (ipv6 !== undefined && ipv4 === undefined && isLoopbackBind(ipv6)) return { ipv4: '127.0.0.1:0', ipv6 }
  return { ...(ipv4 !== undefined && { ipv4 }), ...(ipv6 !== undefined && { ipv6 }) }
}

/** What to try after a failure, which is never what failed before. */
function nextTry(bind: BindAddresses, cause: unknown): { bind: BindAddresses; warning: string } | null {
  if (isPortTaken(cause)) {
    const free: BindAddresses = {
      ...(bind.ipv4 !== undefined && { ipv4: withAnyPort(bind.ipv4) }),
      ...(bind.ipv6 !== undefined && { ipv6: withAnyPort(bind.ipv6) }),
    }
    if (free.ipv4 === bind.ipv4 && free.ipv6 === bind.ipv6) return null
    const wanted = [bind.ipv4, bind.ipv6].filter((socket) => socket !== undefined).join(', ')
    return { bind: free, warning: `The port is in use (${wanted}); another one is taken.` }
  }
  if (isAddressMissing(cause) && bind.ipv4 !== undefined && bind.ipv6 !== undefined) {
    return { bind: { ipv4: bind.ipv4 }, warning: `There is no address ${bind.ipv6} here; IPv4 only.` }
  }
  return null
}

function withAnyPort(socket: string): string {
  return socket.replace(/:\d+$/, ':0')
}

function isLoopbackBind(socket: string): boolean {
  return isLoopbackSocket(socket.replace(/:\d+$/, ':1'))
}
