import { spawn, type ChildProcess } from 'node:child_process'
import { createConnection, createServer, type AddressInfo } from 'node:net'

/** `git daemon` for the repositories below one folder, pushes too. On loopback only. */
export class StockDaemon {
  readonly port: number
  readonly #child: ChildProcess

  private constructor(base: string, port: number) {
    this.port = port
    const args = [
      '--export-all',
      '--enable=receive-pack',
      '--listen=127.0.0.1',
      `--port=${port}`,
      `--base-path=${base}`,
    ]
    // A group of its own: the daemon has children.
    this.#child = spawn('git', ['-c', 'safe.directory=*', 'daemon', '--reuseaddr', ...args, base], {
      stdio: 'ignore',
      detached: true,
      env: { PATH: process.env.PATH, HOME: '/nonexistent', GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C' },
    })
  }

  static async start(base: string): Promise<StockDaemon> {
    const daemon = new StockDaemon(base, await freePort())
    while (!(await answers(daemon.port))) {
      if (daemon.#child.exitCode !== null) throw new Error('git daemon does not run')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return daemon
  }

  stop(): void {
    if (this.#child.pid) process.kill(-this.#child.pid, 'SIGKILL')
  }
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true)).once('error', () => end(false))
  })
}
