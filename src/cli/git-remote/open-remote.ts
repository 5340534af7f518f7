import { endpointIdOf } from '../../adapters/iroh/iroh-keys.ts'
import { StateFolder } from '../../adapters/node/state-folder.ts'
import { systemClock } from '../../adapters/node/system-clock.ts'
import { dialGit } from '../../engine/dial-git.ts'
import type { ByteStream, EndpointId } from '../../ports/transport.ts'
import type { ServiceRequest } from '../../protocol/git/service-request.ts'
import { openControlStream } from '../control-stream.ts'
import { EngineHost } from '../engine-host.ts'
import type { Asker, NetworkOptions } from '../engine-host.ts'
import { lockOrReach } from '../lock-or-reach.ts'
import { cloneStateFolder, openCloneState } from './clone-state.ts'
import { findKnownPeer } from './known-states.ts'
import type { RemoteAddress } from './remote-address.ts'

export interface RemoteOptions {
  readonly env: NodeJS.ProcessEnv
  readonly network: NetworkOptions
  readonly signal: AbortSignal
  /** P3: asked when a pairing link is followed. */
  readonly asker: Asker
  /** Tells the person at the terminal. */
  readonly tell: (line: string) => void
}

/** A stream to the git of another device, and what it needs while it lasts. */
export interface OpenRemote {
  readonly stream: ByteStream
  close(): Promise<void>
}

/**
 * Opens a stream to the device that an address means: through the `tandem up` that runs on its state, or with an engine of our own
 * that pairs and does not sync. @throws typed errors, see `errorReport`
 */
export async function openRemote(
  address: RemoteAddress,
  service: Omit<ServiceRequest, 'path'>,
  options: RemoteOptions,
): Promise<OpenRemote> {
  const request = { ...service, path: address.path }
  if (address.kind === 'link') return openByLink(address, request, options)
  const { folder, vault, peer } = await findKnownPeer(address, options.env)
  const lock = await lockOrReach(folder, 'git', options.signal)
  if (lock === 'running') {
    const stream = await openControlStream(folder, 'git-stream', { ...request, peer: peer.nodeId }, options.signal)
    return { stream, close: () => Promise.resolve() }
  }
  return withHost(
    () => lock.release(),
    () => StateFolder.open(folder, vault, { idOf: endpointIdOf }),
    request,
    options,
    () => Promise.resolve(peer.nodeId),
  )
}

async function openByLink(
  { offer }: Extract<RemoteAddress, { kind: 'link' }>,
  request: ServiceRequest,
  options: RemoteOptions,
): Promise<OpenRemote> {
  const folder = cloneStateFolder(offer, options.env)
  const lock = await lockOrReach(folder, 'git', options.signal)
  if (lock === 'running') {
    const stream = await openControlStream(folder, 'git-stream', { ...request, peer: offer.address.id }, options.signal)
    return { stream, close: () => Promise.resolve() }
  }
  return withHost(
    () => lock.release(),
    () => openCloneState(folder),
    request,
    options,
    async (host) => {
      const { peers } = host.device
      const paired = peers.getPeers().find(({ nodeId }) => nodeId === offer.address.id)
      if (paired) return paired.nodeId
      host.askers.set('joiner', options.asker)
      const nothing = () => Promise.resolve([]) // E9: a clone brings no files into the pairing
      const { nodeId, name } = await peers.join(offer, options.signal, nothing)
      options.tell(`Paired with ${name}. This clone is a device of its own there, called ${host.device.name}.`)
      return nodeId
    },
  )
}

async function withHost(
  release: () => Promise<void>,
  open: () => StateFolder,
  request: ServiceRequest,
  { network, signal }: RemoteOptions,
  find: (host: EngineHost) => Promise<EndpointId>,
): Promise<OpenRemote> {
  let host: EngineHost | undefined
  const close = async (): Promise<void> => {
    try {
      await host?.close()
    } finally {
      await release()
    }
  }
  try {
    host = await EngineHost.open(open(), network, { sync: false })
    host.device.peers.start({ dial: false })
    const id = await find(host)
    return { stream: await dialGit(host.device.peers, systemClock, id, request, signal), close }
  } catch (error) {
    await close()
    throw error
  }
}
