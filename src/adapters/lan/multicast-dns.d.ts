/** The part of multicast-dns 7 that we use; the package brings no types. */
declare module 'multicast-dns' {
  import type { Socket } from 'node:dgram'
  import type { EventEmitter } from 'node:events'

  export interface Question {
    name: string
    type: string
  }

  /** As dns-packet reads it, from whoever sent it. */
  export interface Answer {
    name: string
    type: string
    ttl?: number
    flush?: boolean
    data?: unknown
  }

  export interface Packet {
    questions?: Question[]
    answers?: Answer[]
    additionals?: Answer[]
  }

  export interface MulticastDns extends EventEmitter {
    query(packet: Packet, done?: (error?: Error | null) => void): void
    respond(packet: Packet, done?: (error?: Error | null) => void): void
    destroy(done?: () => void): void
  }

  export default function multicastDns(options: {
    socket: Socket
    /** IPv4 address of the interface to join the group on and to send from. */
    interface: string
    /** Address to bind: 0.0.0.0, or packets to the group would not arrive. */
    bind: string
    port?: number
  }): MulticastDns
}
