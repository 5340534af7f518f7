import { createConnection } from 'node:net'
import { controlPath } from './control-path.ts'

/** Whether a process serves this state folder right now. It may be gone a moment later. */
export function isControlled(stateFolder: string): Promise<boolean> {
  return answers(controlPath(stateFolder))
}

/** Whether a live process listens on a socket. The file that a dead one left behind refuses at once. */
export function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    const end = (alive: boolean): void => {
      socket.destroy()
      resolve(alive)
    }
    socket.once('connect', () => end(true))
    socket.once('error', (error) => end(!nobodyListens(error))) // EACCES, EAGAIN: somebody is there, though not for us
  })
}

export function nobodyListens(error: NodeJS.ErrnoException): boolean {
  return ['ECONNREFUSED', 'ENOENT', 'ENOTSOCK'].includes(error.code ?? '')
}
