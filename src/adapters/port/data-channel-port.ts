import type { MessagePortLike, PortListener } from './message-port-like.ts'

/** The part of an RTCDataChannel that is used. Ordered and reliable, as it is by default. */
export interface DataChannelLike {
  binaryType: string
  readonly readyState: string
  readonly bufferedAmount: number
  send(data: Uint8Array<ArrayBuffer>): void
  close(): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
}

/** The RTCPeerConnection under it. */
export interface DataChannelOwner {
  readonly localDescription: { readonly sdp: string } | null
  readonly remoteDescription: { readonly sdp: string } | null
  close(): void
}

/**
 * An open data channel (see `whenOpen`). The RTCPeerConnection belongs to the port: it is closed once the channel is. Both sides
 * prove who they are over its DTLS certificates, so nobody can stand between the two, whoever carried the offer and the answer.
 */
export function dataChannelPort(channel: DataChannelLike, owner?: DataChannelOwner): MessagePortLike {
  channel.binaryType = 'arraybuffer'
  return {
    kind: 'direct',
    get bufferedAmount() {
      return channel.bufferedAmount
    },
    listen(listener: PortListener) {
      const end = (): void => {
        owner?.close()
        listener.gone()
      }
      channel.addEventListener('message', ({ data }) => listener.message(data))
      if (channel.readyState === 'closed') queueMicrotask(end)
      else channel.addEventListener('close', end)
    },
    postMessage: (message) => channel.send(message),
    close: () => channel.close(),
    ...(owner ? { channelBinding: () => certificatesOf(owner) } : {}),
  }
}

/** The fingerprints that the two descriptions commit to, the same text on both sides. */
function certificatesOf({ localDescription, remoteDescription }: DataChannelOwner): Uint8Array {
  const sides = [localDescription, remoteDescription].map((description) => fingerprintsOf(description?.sdp ?? ''))
  return new TextEncoder().encode(sides.sort().join('\n'))
}

/** RFC 8122, section 5: `a=fingerprint:sha-256 AB:CD…`, of the session or of a media section. */
function fingerprintsOf(sdp: string): string {
  const found = [...sdp.matchAll(/^a=fingerprint:(\S+ \S+)/gm)].map(([, fingerprint]) => fingerprint!.toLowerCase())
  return [...new Set(found)].sort().join(' ')
}
