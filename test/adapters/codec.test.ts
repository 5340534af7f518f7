import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { createWebCodec } from '../../src/adapters/web/web-codec.ts'
import { codecContract } from '../contracts/codec.contract.ts'

codecContract('node', async () => nodeCodec)
codecContract('web', createWebCodec)
