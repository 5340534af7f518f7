import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { NodeByteStream } from '../../src/adapters/node/node-byte-stream.ts'
import { serveGitStream } from '../../src/engine/git-server.ts'
import type { GitEndpoint } from '../../src/engine/git-server.ts'
import { TransportError } from '../../src/ports/errors.ts'
import type { GitOutcome } from '../../src/protocol/git/git-session.ts'
import type { GitService } from '../../src/protocol/git/service-request.ts'

/** Our server behind `git://127.0.0.1:PORT/…`, for stock git as the client. On loopback only. */
export class GitDaemon {
  /** How the sessions ended, in that order. */
  readonly outcomes: GitOutcome[] = []
  /** What went wrong in ours; a client that goes away is no fault. */
  readonly errors: unknown[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(open: (path: string, service: GitService) => GitEndpoint | undefined) {
    // The two halves end independently: who has sent a push may end its half before it reads the report.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      serveGitStream(new NodeByteStream(socket, socket), open).then(
        (outcome) => this.outcomes.push(outcome),
        (error: unknown) => {
          if (!(error instanceof TransportError)) this.errors.push(error)
        },
      )
    })
  }

  static async start(open: (path: string, service: GitService) => GitEndpoint | undefined): Promise<GitDaemon> {
    const daemon = new GitDaemon(open)
    await new Promise<void>((resolve) => daemon.#server.listen(0, '127.0.0.1', resolve))
    return daemon
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  url(path: string): string {
    return `git://127.0.0.1:${this.port}${path}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
