import { LineSplitter } from '../../src/cli/line-splitter.ts'
import { eventually } from './eventually.ts'
import type { Namespace } from './netns.ts'

export interface Heard {
  readonly from: string
  readonly bytes: Buffer
}

/** What a stranger on a network hears of multicast DNS, byte for byte; see mdns-listener.ts. */
export class MdnsRecorder {
  readonly heard: Heard[] = []

  static async start(namespace: Namespace, program: string, address: string): Promise<MdnsRecorder> {
    const recorder = new MdnsRecorder()
    const child = namespace.spawn(process.execPath, [program, address], { stdio: ['ignore', 'pipe', 'inherit'] })
    const splitter = new LineSplitter()
    let isReady: true | undefined
    child.stdout!.on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) {
        const { ready, from, hex } = JSON.parse(line) as { ready?: true; from: string; hex: string }
        if (ready) isReady = ready
        else recorder.heard.push({ from, bytes: Buffer.from(hex, 'hex') })
      }
    })
    await eventually('the recorder listens', () => isReady)
    return recorder
  }

  from(address: string): Buffer[] {
    return this.heard.filter(({ from }) => from === address).map(({ bytes }) => bytes)
  }
}
