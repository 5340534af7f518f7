import type { Device, DeviceEvent } from '../engine/device.ts'
import type { EndpointId } from '../ports/transport.ts'
import { screenClock } from './clock.ts'
import type { TandemFace } from './face.ts'
import { sumProgress, type SyncProgress } from './words/sync-progress.ts'

/** How far each running transfer is: the engine tells it in events, and the screens want to ask. */
export class TransferWatch {
  readonly #face: TandemFace
  readonly #running = new Map<EndpointId, SyncProgress>()
  readonly #endFace: () => void
  #device: Device | null = null
  #endDevice: () => void = () => undefined

  constructor(face: TandemFace) {
    this.#face = face
    this.#endFace = face.onChange(() => this.#follow())
    this.#follow()
  }

  of(peer: EndpointId): SyncProgress | undefined {
    return this.#running.get(peer)
  }

  /** All transfers as one; null while there is none. */
  total(): SyncProgress | null {
    return sumProgress([...this.#running.values()])
  }

  stop(): void {
    this.#endFace()
    this.#endDevice()
    this.#running.clear()
  }

  #follow(): void {
    const { device } = this.#face
    if (device === this.#device) return
    this.#endDevice()
    this.#running.clear()
    this.#device = device
    this.#endDevice = device?.on((event) => this.#take(event)) ?? (() => undefined)
  }

  #take(event: DeviceEvent): void {
    if (event.kind === 'peer' && event.state.activity === 'idle') this.#running.delete(event.state.id)
    if (event.kind !== 'transfer') return
    const { peer, progress } = event
    this.#running.set(peer, {
      filesDone: progress.objectsDone,
      filesTotal: progress.objectsTotal,
      bytesDone: progress.bytesReceived,
      bytesTotal: progress.bytesTotal,
      startedAt: this.#running.get(peer)?.startedAt ?? screenClock.now(),
    })
  }
}
