import { fileAt, readLog } from '../engine/history-queries.ts'
import type { PairingQuestion } from '../engine/pairing-session.ts'
import { restoreFile } from '../engine/restore.ts'
import type { Repository } from '../engine/repository.ts'
import type { Share } from '../engine/share.ts'
import { decodePairingLink, encodePairingLink } from '../peers/pairing-link.ts'
import { PairingError } from '../ports/errors.ts'
import type { ControlRequest } from './control-message.ts'
import { VAULT_SHARE } from '../engine/app.ts'
import type { HandOver } from './control-server.ts'
import type { EngineHost } from './engine-host.ts'
import { serveGitRequest } from './git-remote/git-request.ts'
import { changeConfig } from './commands/config.ts'
import { parseMirrorPlace, runMirror } from './mirror-run.ts'
import { PairingQuestions, type AskerOptions } from './pairing-questions.ts'
import { findPeer } from './find-peer.ts'
import { shareOperation, titleOf } from './share-operations.ts'
import { deviceStatus } from './status.ts'
import { UsageError } from './usage-error.ts'

/** Bytes of a file per event on the control socket; as base64 it stays far below the line limit. */
const SHOW_CHUNK = 256 * 1024
/** `invite` waits so long for a relay; without the internet it goes on with what is known. */
const AWAIT_RELAY_MS = 3_000

/**
 * What the commands ask of an engine: of the one that `tandem up` runs, over the control socket, or of one in this process.
 * Parameters, events and results are plain JSON, so both ways are the same.
 */
export class Operations {
  readonly #host: EngineHost
  readonly #questions = new PairingQuestions()

  constructor(host: EngineHost) {
    this.#host = host
  }

  /** A ControlHandler. @throws typed errors; UsageError for a method that there is not. */
  async handle(
    { method, params }: ControlRequest,
    reply: Reply,
    signal: AbortSignal,
    handOver?: HandOver,
  ): Promise<unknown> {
    const p = (typeof params === 'object' && params !== null ? params : {}) as Record<string, unknown>
    switch (method) {
      case 'status':
        return deviceStatus(this.#host)
      case 'config':
        return changeConfig(this.#host.state, { key: text(p, 'key'), value: p.value })
      case 'metrics':
        return this.#host.device.metrics()
      case 'invite':
        return this.#invite(p, reply, signal)
      case 'join':
        return this.#join(text(p, 'link'), p, reply, signal)
      case 'answer':
        return { answered: this.#questions.answer(text(p, 'question'), p.accepted === true) }
      case 'remove':
        return this.#remove(text(p, 'peer'))
      case 'consent':
        return this.#consent(p.yes === true)
      case 'sync':
        return this.#sync()
      case 'mirror':
        return this.#mirror(text(p, 'url'), p.restore === true, reply, signal)
      case 'git-stream':
        return serveGitRequest(this.#host.device.peers, p, signal, handOver)
      case 'restore':
        return this.#restore(text(p, 'commit'), text(p, 'path'))
      default: {
        const result = await shareOperation(this.#host, method, p)
        return result ?? historyOperation(this.#repository(), { method, params }, reply)
      }
    }
  }

  #repository(): Repository {
    const share = this.#host.device.shares.get(VAULT_SHARE)
    if (!share) throw new UsageError('usage', 'this engine does not sync a vault')
    return share.repository
  }

  async #invite(p: Record<string, unknown>, reply: Reply, signal: AbortSignal): Promise<unknown> {
    const { folders } = this.#host.device
    const share = p.share === undefined ? VAULT_SHARE : folders.find(text(p, 'share'))
    const title = share === VAULT_SHARE ? {} : { title: titleOf(folders, share) }
    const yes = p.yes === true
    // The first link of a process that has just started would else lack the only address that reaches another network.
    await this.#host.transport.awaitRelay(AWAIT_RELAY_MS, signal)
    this.#host.lookAhead(share)
    const { offer, paired, cancel } = this.#host.device.peers.invite(share, {
      grant: p.readOnly === true ? 'read' : 'write',
      ...title,
    })
    let declined = false
    const stopAsking = this.#askOn('inviter', {
      yes,
      tell: reply,
      onDeclined: () => {
        declined = true // by the person here: whoever it was shall not try again with this link
        cancel()
      },
      isOver: () => declined || signal.aborted,
    })
    signal.addEventListener('abort', cancel, { once: true })
    try {
      reply({ link: encodePairingLink(offer) })
      const record = await paired
      return { paired: { id: record.nodeId, name: record.name } }
    } catch (error) {
      if (declined)
        throw new PairingError('declined', 'You said no, so the devices were not paired, and the link no longer works.')
      throw error
    } finally {
      signal.removeEventListener('abort', cancel)
      stopAsking()
    }
  }

  async #join(link: string, p: Record<string, unknown>, reply: Reply, signal: AbortSignal): Promise<unknown> {
    const offer = decodePairingLink(link)
    const { peers, folders } = this.#host.device
    const isFolder = offer.share !== VAULT_SHARE
    const into = p.into === undefined ? undefined : text(p, 'into')
    if (into !== undefined && !isFolder)
      throw new UsageError('usage', 'this link is for the whole vault, so --into has no meaning with it')
    if (!isFolder) this.#host.lookAhead(VAULT_SHARE)
    const stopAsking = this.#askOn('joiner', { yes: p.yes === true, tell: reply, isOver: () => signal.aborted })
    try {
      const record = isFolder ? await folders.join(offer, signal, into) : await peers.join(offer, signal)
      const share = folders.report().find(({ id }) => isFolder && id === offer.share)
      return { paired: { id: record.nodeId, name: record.name }, ...(share ? { share } : {}) }
    } finally {
      stopAsking()
    }
  }

  /** Questions of pairings in this role go to the command that was given last. */
  #askOn(role: PairingQuestion['role'], options: AskerOptions): () => void {
    const { askers } = this.#host
    const asker = this.#questions.asker(options)
    askers.set(role, asker)
    return () => {
      if (askers.get(role) === asker) askers.delete(role)
    }
  }

  async #remove(name: string): Promise<unknown> {
    const { peers } = this.#host.device
    const { nodeId, name: removed } = findPeer(peers.getPeers(), name)
    await peers.removePeer(nodeId)
    return { removed: { id: nodeId, name: removed } }
  }

  async #consent(yes: boolean): Promise<unknown> {
    const waiting = [...this.#host.device.shares.values()].flatMap((share) => {
      const pending = share.tree.consent
      return pending ? [{ share, pending }] : []
    })
    if (!waiting.length) return { answered: false }
    for (const { share, pending } of waiting) await share.answerConsent(yes, pending.key)
    const count = (of: 'deletes' | 'overwrites') => waiting.reduce((sum, { pending }) => sum + pending[of].length, 0)
    return { answered: true, yes, deletes: count('deletes'), overwrites: count('overwrites') }
  }

  async #restore(commit: string, path: string): Promise<unknown> {
    const share = this.#host.device.shares.get(VAULT_SHARE)
    if (!share) throw new UsageError('usage', 'this engine does not sync a vault')
    return restoreInShare(share, commit, path)
  }

  async #mirror(url: string, restore: boolean, reply: Reply, signal: AbortSignal): Promise<unknown> {
    const share = this.#host.device.shares.get(VAULT_SHARE)
    if (!share) throw new UsageError('usage', 'this engine does not sync a vault')
    await share.settle() // what was typed just now is part of the copy
    return runMirror(share, parseMirrorPlace(url, '/'), restore, reply, signal)
  }

  async #sync(): Promise<unknown> {
    for (const share of this.#host.device.shares.values()) {
      share.tree.markAllDirty()
      await share.settle()
    }
    this.#host.device.peers.connectAll()
    return {}
  }
}

/** Sends an event; resolves when the one who asked keeps up. */
type Reply = (event: unknown) => unknown

/** `tandem restore` on a share: an ordinary new edit. @throws HistoryError, VaultError, and what keeps the share from settling. */
export async function restoreInShare(share: Share, commit: string, path: string): Promise<Restored> {
  const found = await fileAt(share.repository, commit, path)
  const settle = async (): Promise<void> => {
    share.tree.markDirty([found.path])
    await share.settle()
    if (share.lastError instanceof Error) throw share.lastError
  }
  await settle() // what the disk holds now must be in the history before it is replaced
  const result = await restoreFile(share.repository, share.files, found.path, found.oid)
  await settle()
  return { result, commit: found.commit }
}

export interface Restored {
  readonly result: 'restored' | 'same'
  readonly commit: string
}

/** What needs the history alone: answered by a running engine, or from the repository when none runs. */
export async function historyOperation(
  repository: Repository,
  { method, params }: ControlRequest,
  reply: Reply,
): Promise<unknown> {
  const p = (typeof params === 'object' && params !== null ? params : {}) as Record<string, unknown>
  switch (method) {
    case 'log': {
      const limit = typeof p.limit === 'number' && p.limit > 0 ? p.limit : 50
      const commits = await readLog(repository, typeof p.path === 'string' ? p.path : undefined, limit)
      for (const commit of commits) await reply(commit)
      return { commits: commits.length }
    }
    case 'show': {
      const { oid, path, commit } = await fileAt(repository, text(p, 'commit'), text(p, 'path'))
      for await (const chunk of chunked(repository.objects.stream(oid)))
        await reply({ data: Buffer.from(chunk).toString('base64') })
      return { path, commit, oid }
    }
    default:
      throw new UsageError('usage', `unknown request ${method}`)
  }
}

async function* chunked(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.length; at += SHOW_CHUNK) yield chunk.subarray(at, at + SHOW_CHUNK)
}

function text(params: Record<string, unknown>, name: string): string {
  const value = params[name]
  if (typeof value !== 'string' || !value) throw new UsageError('usage', `the request lacks ${name}`)
  return value
}
