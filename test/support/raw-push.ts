import { PktStream, runGitSession } from '../../src/engine/pkt-stream.ts'
import { serveGitStream } from '../../src/engine/git-server.ts'
import type { GitEndpoint } from '../../src/engine/git-server.ts'
import { FLUSH_PKT } from '../../src/objects/pkt-line.ts'
import { readPushReport } from '../../src/protocol/git/push-report.ts'
import type { PushReport } from '../../src/protocol/git/push-report.ts'
import { encodeCommands } from '../../src/protocol/git/receive-commands.ts'
import type { RefCommand } from '../../src/protocol/git/receive-commands.ts'
import { encodeServiceRequest } from '../../src/protocol/git/service-request.ts'
import { streamPair } from './stream-pair.ts'

/** A push as an attacker may make it: any commands, then any bytes. Gives the report. */
export async function rawPush(
  endpoint: GitEndpoint,
  commands: readonly RefCommand[],
  pack: Uint8Array = new Uint8Array(0),
  capabilities = 'report-status side-band-64k',
): Promise<PushReport> {
  const [ours, theirs] = streamPair()
  const serving = serveGitStream(theirs, () => endpoint)
  const lines = new PktStream(ours)
  await lines.write(encodeServiceRequest({ service: 'git-receive-pack', path: '/vault', version: 0 }))
  while ((await lines.read())?.kind === 'data');
  for (const line of [...encodeCommands(commands, capabilities), FLUSH_PKT, pack]) await lines.write(line)
  await lines.flush()
  lines.unband()
  const report = await runGitSession<never, PushReport>(readPushReport(), lines, () => Promise.resolve())
  await ours.finish()
  await serving
  return report
}
