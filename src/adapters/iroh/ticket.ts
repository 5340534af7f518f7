/**
 * Iroh's own tickets, for whoever wants to dial one of our endpoints with Iroh's tools. Our links hold the shorter and
 * checksummed form of `peers/peer-address`, which needs no binding.
 */
import { TransportError } from '../../ports/errors.ts'
import { isEndpointId, type PeerAddress } from '../../ports/transport.ts'
import { irohMessage } from './iroh-errors.ts'
import { loadIroh, type Iroh } from './native-binding.ts'

/** Letters. A ticket with a relay and 16 addresses has some 700. */
const MAX_TICKET = 2000

/** @throws TransportError `bad-ticket` when the address is not well-formed. */
export function encodeTicket(address: PeerAddress, iroh: Iroh = loadIroh()): string {
  try {
    const id = iroh.EndpointId.fromString(address.id)
    const native = new iroh.EndpointAddr(id, address.relay ?? null, [...address.direct])
    return iroh.EndpointTicket.fromAddr(native).toString()
  } catch (cause) {
    throw badTicket(cause)
  }
}

/** @throws TransportError `bad-ticket`. */
export function decodeTicket(text: string, iroh: Iroh = loadIroh()): PeerAddress {
  const ticket = text.trim()
  if (ticket.length > MAX_TICKET) throw badTicket(new Error('it is too long'))
  try {
    const native = iroh.EndpointTicket.fromString(ticket).endpointAddr()
    const id = native.id().toString()
    if (!isEndpointId(id)) throw new Error('its endpoint id is not 64 hex digits')
    const [relay, direct] = [native.relayUrl(), native.directAddresses()]
    return relay === null ? { id, direct } : { id, direct, relay }
  } catch (cause) {
    throw badTicket(cause)
  }
}

function badTicket(cause: unknown): TransportError {
  return new TransportError('bad-ticket', `This is not a valid Iroh ticket: ${irohMessage(cause)}`, {}, { cause })
}
