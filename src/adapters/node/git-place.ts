import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { createConnection } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { TransportError } from '../../ports/errors.ts'
import { MirrorError } from '../../ports/mirror-error.ts'
import type { ByteStream } from '../../ports/transport.ts'
import { errnoOf } from './fs-failure.ts'
import { NodeByteStream } from './node-byte-stream.ts'

/** Where a bare git repository is: a folder of this machine, or what a `git daemon` serves. */
export type GitPlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | { readonly kind: 'daemon'; readonly host: string; readonly port: number; readonly path: string }

/** Git's own (IANA). */
const DAEMON_PORT = 9418
const CONNECT_MS = 30_000
/** Of what a program says to people. */
const MAX_WORDS = 4000

/** A path or URL as it was typed; null when it is of neither kind. Relative paths begin at `cwd`. */
export function parseGitPlace(text: string, cwd: string): GitPlace | null {
  if (text.startsWith('git://')) {
    if (!URL.canParse(text)) return null
    const { hostname, port, pathname } = new URL(text)
    if (hostname === '' || pathname.length < 2) return null
    const host = hostname.replace(/^\[(.*)\]$/, '$1')
    return { kind: 'daemon', host, port: Number(port || DAEMON_PORT), path: decodeURI(pathname) }
  }
  if (/^file:\/\//i.test(text)) {
    try {
      return { kind: 'folder', folder: fileURLToPath(text) }
    } catch {
      return null
    }
  }
  // `ssh://…`, `https://…`, `host:path`; but `C:\mirror` is a folder.
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text) || /^[^/\\]{2,}:/.test(text) || text === '') return null
  return { kind: 'folder', folder: path.resolve(cwd, text) }
}

/**
 * Makes sure that a bare repository lies in the folder; a folder that is absent or empty becomes one when `create` says so.
 * @throws MirrorError `no-git`, `not-a-repository`, `refused` with git's words
 */
export async function prepareGitFolder(folder: string, { create }: { create: boolean }): Promise<void> {
  if (isEmptyFolder(folder)) {
    if (!create) throw new MirrorError('not-a-repository', `there is no git repository in ${folder}`, { path: folder })
    fs.mkdirSync(folder, { recursive: true })
    await runGit(['init', '--quiet', '--bare', folder])
    await runGit(['--git-dir', folder, 'symbolic-ref', 'HEAD', 'refs/heads/main'])
    return
  }
  let bare: string
  try {
    bare = await runGit(['--git-dir', folder, 'rev-parse', '--is-bare-repository'])
  } catch (error) {
    // Git knows more: a repository of another user, or damaged.
    if (!(error instanceof MirrorError) || error.code !== 'refused' || fs.existsSync(path.join(folder, 'HEAD')))
      throw error
    throw new MirrorError('not-a-repository', notBare(folder), { path: folder }, { cause: error })
  }
  if (bare.trim() !== 'true') throw new MirrorError('not-a-repository', notBare(folder), { path: folder })
}

function notBare(folder: string): string {
  const inside = fs.existsSync(path.join(folder, '.git'))
  return inside
    ? `${folder} is a git repository with files checked out; a mirror is a bare one`
    : `${folder} holds something that is no git repository`
}

function isEmptyFolder(folder: string): boolean {
  try {
    return fs.readdirSync(folder).length === 0
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return true
    if (errnoOf(error) !== 'ENOTDIR') throw error
    throw new MirrorError('not-a-repository', `${folder} is a file`, { path: folder }, { cause: error })
  }
}

export interface GitConversation {
  readonly stream: ByteStream
  /** To be sent as the service request; absent when the program was started for this conversation. */
  readonly path?: string
  /** Once it is over: what the program said to people. */
  words(): Promise<string>
}

/**
 * Begins one conversation with the git of a place. @throws MirrorError `no-git`; TransportError `unreachable`, `timeout`; the
 * signal's reason
 */
export function connectGit(
  place: GitPlace,
  service: 'git-upload-pack' | 'git-receive-pack',
  signal: AbortSignal,
): Promise<GitConversation> {
  signal.throwIfAborted()
  return place.kind === 'folder' ? startGit([service.slice('git-'.length), place.folder]) : dialDaemon(place, signal)
}

async function startGit(args: readonly string[]): Promise<GitConversation> {
  const child = spawn('git', args, { stdio: ['pipe', 'pipe', 'pipe'], env: environment() })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(0, MAX_WORDS)))
  const ended = new Promise<void>((done) => {
    child.once('close', () => done())
    child.once('error', () => done())
  })
  const stream = new NodeByteStream(child.stdout, child.stdin)
  await new Promise<void>((done, fail) => {
    child.once('spawn', done)
    child.once('error', (error) => fail(noGit(error)))
  })
  const conversation: ByteStream = {
    read: (max) => stream.read(max),
    write: (bytes) => stream.write(bytes),
    finish: () => stream.finish(),
    abort: () => {
      stream.abort()
      child.kill()
    },
  }
  return { stream: conversation, words: () => ended.then(() => spokenOf(words)) }
}

function dialDaemon(
  { host, port, path: served }: Extract<GitPlace, { kind: 'daemon' }>,
  signal: AbortSignal,
): Promise<GitConversation> {
  return new Promise((resolve, reject) => {
    // The two halves end independently: who has sent a push may end its half before it reads the report.
    const socket = createConnection({ host, port, allowHalfOpen: true })
    const end = (settle: () => void): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      socket.off('error', onError)
      settle()
    }
    const fail = (error: Error): void =>
      end(() => {
        socket.on('error', () => undefined).destroy()
        reject(error)
      })
    const onAbort = (): void => fail(signal.reason as Error)
    const onError = (cause: Error): void =>
      fail(new TransportError('unreachable', `${host}:${port}: ${cause.message}`, {}, { cause }))
    const timer = setTimeout(() => fail(new TransportError('timeout', `${host}:${port} does not answer`)), CONNECT_MS)
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('error', onError)
    socket.once('connect', () =>
      end(() =>
        resolve({ stream: new NodeByteStream(socket, socket), path: served, words: () => Promise.resolve('') }),
      ),
    )
  })
}

/** A short command of stock git; what it printed. @throws MirrorError `no-git`, `refused` with its words */
function runGit(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment() })
    const said = { out: '', words: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text))
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (said.words = (said.words + text).slice(0, MAX_WORDS)))
    child.once('error', (error) => reject(noGit(error)))
    child.once('close', (code) => {
      if (code === 0) resolve(said.out)
      else reject(new MirrorError('refused', spokenOf(said.words) || `git ended with ${String(code)}`))
    })
  })
}

function noGit(cause: Error): MirrorError {
  return new MirrorError('no-git', `git cannot be started: ${cause.message}`, {}, { cause })
}

/** Without what a hook or another git around us has set; its words are for us to read. */
function environment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('GIT_') || name.startsWith('GIT_CONFIG'),
  )
  return { ...Object.fromEntries(inherited), GIT_PROTOCOL: 'version=2', LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0' }
}

/** The line that says why, without git's word for it. */
function spokenOf(words: string): string {
  const lines = words.split('\n').map((line) => line.trim())
  const line = lines.find((text) => /^(fatal|error):/.test(text)) ?? lines.find((text) => text !== '') ?? ''
  return line.replace(/^(fatal|error): /, '')
}
