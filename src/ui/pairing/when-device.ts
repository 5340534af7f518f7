import type { Device } from '../../engine/device.ts'
import type { TandemFace } from '../face.ts'

/**
 * The device, as soon as it can pair: a link may be what opened the app, and then sync is just starting.
 * Null when it will not come by itself: paused, offline, failed, or given up.
 */
export function whenDevice(face: TandemFace, signal: AbortSignal): Promise<Device | null> {
  return new Promise((resolve) => {
    const look = (): void => {
      const { device, condition } = face
      const comes = condition.kind === 'starting' || condition.kind === 'running'
      if (!device && comes && !signal.aborted) return
      end()
      signal.removeEventListener('abort', look)
      resolve(comes && !signal.aborted ? device : null)
    }
    const end = face.onChange(look)
    signal.addEventListener('abort', look, { once: true })
    look()
  })
}
