import { fileDesc } from '@bufbuild/protobuf/codegenv2'

/**
 * What peerlink_pb.ts runs on: half of what it takes to evaluate that file. Whoever imports this one before can give others a turn in
 * between.
 */
export const protobufRuntime = fileDesc
