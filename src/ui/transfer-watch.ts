import type { Device, DeviceEvent } from '../engine/device.ts'
import type { EndpointId } from '../ports/transport.ts'
import { screenClock } from './clock.ts'
import type { TandemFace } from './face.ts'
import { sumProgress, type PeerTransfers, type SyncProgress, type WritingProgress } from './words/sync-progress.ts'

type Direction = keyof PeerTransfers

/** The other side takes nothing any more: it is gone, or has given it up without a word. Ms. */
const SILENT_SENDING = 30_000

interface Running {
  readonly progress: SyncProgress
  readonly toldAt: number
}

/** How far each running transfer is: the engine tells it in events, and the screens want to ask. */
export class TransferWatch {
  readonly #face: TandemFace
  readonly #running = { receiving: new Map<EndpointId, Running>(), sending: new Map<EndpointId, Running>() }
  /** By the name of the share. */
  readonly #writing = new Map<string, WritingProgress>()
  readonly #endFace: () => void
  #device: Device | null = null
  #endDevice: () => void = () => undefined

  constructor(face: TandemFace) {
    this.#face = face
    this.#endFace = face.onChange(() => this.#follow())
    this.#follow()
  }

  of(peer: EndpointId): PeerTransfers {
    const [receiving, sending] = [this.#one('receiving', peer), this.#one('sending', peer)]
    return { ...(receiving ? { receiving } : {}), ...(sending ? { sending } : {}) }
  }

  /** All transfers as one; null while there is none. */
  total(): SyncProgress | null {
    const { receiving, sending } = this.#running
    const all = [...new Set([...receiving.keys(), ...sending.keys()])].map((peer) => this.of(peer))
    return sumProgress(all.flatMap(({ receiving, sending }) => [receiving, sending].filter((one) => one !== undefined)))
  }

  /** What is being written into the vault, of all shares; null for nothing, or a single file, which is no work. */
  writing(): WritingProgress | null {
    const all = [...this.#writing.values()]
    const sum = (pick: (one: WritingProgress) => number) => all.reduce((total, one) => total + pick(one), 0)
    const filesTotal = sum((one) => one.filesTotal)
    return filesTotal > 1 ? { filesDone: sum((one) => one.filesDone), filesTotal } : null
  }

  stop(): void {
    this.#endFace()
    this.#endDevice()
    this.#clear()
  }

  #one(direction: Direction, peer: EndpointId): SyncProgress | undefined {
    const found = this.#running[direction].get(peer)
    if (direction === 'sending' && found && screenClock.now() - found.toldAt > SILENT_SENDING) return undefined
    return found?.progress
  }

  #clear(): void {
    for (const running of Object.values(this.#running)) running.clear()
    this.#writing.clear()
  }

  #follow(): void {
    const { device } = this.#face
    if (device === this.#device) return
    this.#endDevice()
    this.#clear()
    this.#device = device
    this.#endDevice = device?.on((event) => this.#take(event)) ?? (() => undefined)
  }

  #takeWriting({ share, event }: Extract<DeviceEvent, { kind: 'share' }>): void {
    if (event.kind !== 'progress') return void this.#writing.delete(share) // a settle ends with its state
    const { phase, filesDone, filesTotal } = event.progress
    if (phase === 'checkout') this.#writing.set(share, { filesDone, filesTotal })
  }

  #take(event: DeviceEvent): void {
    if (event.kind === 'peer') {
      const { id, activity, current, link } = event.state
      if (activity === 'idle') this.#running.receiving.delete(id)
      if (current || link !== 'connected') this.#running.sending.delete(id)
    }
    if (event.kind === 'share') return this.#takeWriting(event)
    if (event.kind !== 'transfer') return
    const running = this.#running[event.direction]
    const { peer, progress } = event
    if (!progress) return void running.delete(peer)
    const { filesDone, filesTotal, bytesTotal } = progress
    // Before the files comes the history, of which nobody knows how much it is.
    const bytesDone = bytesTotal === 0 && 'bytesReceived' in progress ? progress.bytesReceived : progress.bytesDone
    const now = screenClock.now()
    const before = running.get(peer)?.progress
    // The speed is that of the files.
    const goesOn = before && before.bytesTotal > 0 === bytesTotal > 0 && before.filesDone <= filesDone
    const startedAt = goesOn ? before.startedAt : now
    running.set(peer, { progress: { filesDone, filesTotal, bytesDone, bytesTotal, startedAt }, toldAt: now })
  }
}
