import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TransportError } from '../../src/ports/errors.ts'
import type { ByteStream, Connection, PeerAddress, Transport } from '../../src/ports/transport.ts'

/** What the suite needs of an adapter. */
export interface TransportHarness {
  /** A new endpoint that others of the same harness can reach. */
  open(): Promise<Transport>
  /** An address where nothing ever answers. */
  silentAddress(): Promise<PeerAddress>
  /** Ends the connection under its streams, without either of them being ended. */
  cut(writer: Connection, reader: Connection): void
  /** Closes whatever is still open. */
  dispose(): Promise<void>
}

const KIB = 1024

/** The behaviour of every Transport. Quoted rules are those of the protocol description. */
export function transportContract(name: string, makeHarness: () => TransportHarness | Promise<TransportHarness>): void {
  describe(`${name} as a Transport`, () => {
    let harness: TransportHarness
    beforeEach(async () => {
      harness = await makeHarness()
    })
    afterEach(() => harness.dispose())

    /** Two endpoints and a connection between them, both sides of it. */
    const connected = async () => {
      const [a, b] = [await harness.open(), await harness.open()]
      const [dialer, acceptor] = await Promise.all([a.connect(b.address()), b.accept()])
      return { a, b, dialer, acceptor: acceptor! }
    }
    /** A stream over a connection, both ends of it; the first byte is on its way to tell the other side. */
    const streamed = async () => {
      const all = await connected()
      const near = await all.dialer.openStream()
      await near.write(Uint8Array.of(1))
      const far = (await all.acceptor.acceptStream())!
      expect(await readExactly(far, 1)).toEqual(Uint8Array.of(1))
      return { ...all, near, far }
    }

    describe('connecting', () => {
      it('[L2] both sides know whom they speak to, and who dialled', async () => {
        const { a, b, dialer, acceptor } = await connected()
        expect([dialer.remoteId, dialer.side]).toEqual([b.id, 'dialer'])
        expect([acceptor.remoteId, acceptor.side]).toEqual([a.id, 'acceptor'])
        expect(b.address().id).toBe(b.id)
      })

      it('[L2] a right address under a wrong id is not reached', async () => {
        const [a, b, c] = [await harness.open(), await harness.open(), await harness.open()]
        const error = await failureOf(a.connect({ ...b.address(), id: c.id }))
        expect(error.code).toBe('unreachable')
        expect(error.retryable).toBe(true)
      })

      it('one right address among wrong ones is enough', async () => {
        const [a, b] = [await harness.open(), await harness.open()]
        const silent = await harness.silentAddress()
        const connection = await a.connect({ id: b.id, direct: [...silent.direct, ...b.address().direct] })
        expect(connection.remoteId).toBe(b.id)
      })

      it('an id without any address is unreachable', async () => {
        const [a, b] = [await harness.open(), await harness.open()]
        expect((await failureOf(a.connect({ id: b.id, direct: [] }))).code).toBe('unreachable')
      })

      it('dialling oneself is refused', async () => {
        const a = await harness.open()
        expect((await failureOf(a.connect(a.address()))).code).toBe('unreachable')
      })

      it('a signal ends a dial that nobody answers', async () => {
        const a = await harness.open()
        const abort = new AbortController()
        const dial = failureOf(a.connect(await harness.silentAddress(), abort.signal))
        abort.abort(new Error('enough'))
        expect((await dial).code).toBe('aborted')
        expect((await failureOf(a.connect(await harness.silentAddress(), abort.signal))).code).toBe('aborted')
      })

      it('[L3] simultaneous dials give two connections', async () => {
        const [a, b] = [await harness.open(), await harness.open()]
        const [fromA, fromB, atB, atA] = await Promise.all([
          a.connect(b.address()),
          b.connect(a.address()),
          b.accept(),
          a.accept(),
        ])
        fromA.close(1, 'first')
        expect((await atB!.closed).reason).toBe('first')
        const [near, far] = await Promise.all([fromB.openStream().then(greet), atA!.acceptStream()])
        expect(await readExactly(far!, 2)).toEqual(Uint8Array.of(7, 7))
        near.abort()
      })
    })

    describe('streams', () => {
      it('carry bytes both ways at once, byte for byte', async () => {
        const { near, far } = await streamed()
        const [there, back] = [pattern(300 * KIB, 3), pattern(200 * KIB, 5)]
        const [, , gotThere, gotBack] = await Promise.all([
          near.write(there).then(() => near.finish()),
          far.write(back).then(() => far.finish()),
          readAll(far),
          readAll(near),
        ])
        expect(same(gotThere, there)).toBe(true)
        expect(same(gotBack, back)).toBe(true)
      })

      it('keep the order of writes that nobody waited for', async () => {
        const { near, far } = await streamed()
        const pieces = Array.from({ length: 40 }, (_, i) => new Uint8Array(1 + 997 * (i % 5)).fill(i))
        const writes = pieces.map((piece) => near.write(piece))
        const [got] = await Promise.all([readAll(far), near.finish(), ...writes])
        expect(same(got, Uint8Array.from(pieces.flatMap((piece) => [...piece])))).toBe(true)
      })

      it('never give more than was asked for', async () => {
        const { near, far } = await streamed()
        await near.write(pattern(1000, 1))
        let got = 0
        while (got < 1000) {
          const piece = (await far.read(7))!
          expect(piece.length).toBeGreaterThan(0)
          expect(piece.length).toBeLessThanOrEqual(7)
          got += piece.length
        }
      })

      it('end one half at a time', async () => {
        const { near, far } = await streamed()
        await near.finish()
        expect(await far.read()).toBeNull()
        expect(await far.read()).toBeNull()
        await far.write(Uint8Array.of(5))
        expect(await readExactly(near, 1)).toEqual(Uint8Array.of(5))
        await far.finish()
        expect(await near.read()).toBeNull()
        expect((await failureOf(near.write(Uint8Array.of(1)))).code).toBe('closed')
      })

      it('finish resolves when the other side has all of it: closing after that loses nothing', async () => {
        const { near, far, dialer } = await streamed()
        const data = pattern(100 * KIB, 11)
        const [got] = await Promise.all([
          readAll(far),
          near
            .write(data)
            .then(() => near.finish())
            .then(() => dialer.close(0, 'done')),
        ])
        expect(same(got, data)).toBe(true)
      })

      it('a given up stream reads as a reset, now and later, never as an end', async () => {
        const { near, far } = await streamed()
        await near.write(pattern(1000, 1))
        near.abort()
        expect((await failureOf(drain(far))).code).toBe('reset')
        expect((await failureOf(far.read())).code).toBe('reset')
        for (const use of [near.read(), near.write(Uint8Array.of(1)), near.finish()]) {
          expect((await failureOf(use)).code).toBe('aborted')
        }
      })

      it('a reader that gives up stops the writer', async () => {
        const { near, far } = await streamed()
        const writing = failureOf(writeForEver(near))
        await readExactly(far, 1000)
        far.abort()
        expect((await writing).code).toBe('reset')
        expect((await failureOf(near.finish())).code).toBe('reset')
      })

      it('finish fails when the other side gave up reading before it had all', async () => {
        const { near, far } = await streamed()
        await near.write(pattern(1000, 1))
        far.abort()
        expect((await failureOf(near.read())).code).toBe('reset')
        expect((await failureOf(near.finish())).code).toBe('reset')
      })

      it('giving up is harmless twice, and after the end', async () => {
        const { near, far } = await streamed()
        await Promise.all([near.finish(), readAll(far), far.finish(), readAll(near)])
        for (const stream of [near, far, near]) stream.abort()
        expect(await far.read()).toBeNull()
      })

      it('giving up ends calls that wait', async () => {
        const { near } = await streamed()
        const reading = failureOf(near.read())
        near.abort()
        expect((await reading).code).toBe('aborted')
      })

      it('[T2] a connection that dies in the middle of a stream is an error, never an end', async () => {
        const { near, far, dialer, acceptor } = await streamed()
        await near.write(pattern(50 * KIB, 1))
        await readExactly(far, 1000)
        harness.cut(dialer, acceptor)
        expect((await failureOf(drain(far))).code).toBe('disconnected')
        expect((await failureOf(far.read())).code).toBe('disconnected')
        expect((await failureOf(near.read())).code).toBe('disconnected')
        expect((await failureOf(near.write(Uint8Array.of(1)))).code).toBe('disconnected')
        expect((await failureOf(near.finish())).code).toBe('disconnected')
      })

      it('[T6] a slow reader holds the writer back, and gets all of it', async () => {
        const { near, far } = await streamed()
        const total = 6 * KIB * KIB
        let written = 0
        const writing = (async () => {
          for (let at = 0; at < total; at += 64 * KIB) {
            await near.write(pattern(64 * KIB, at))
            written += 64 * KIB
          }
          await near.finish()
        })()
        await untilStill(() => written)
        expect(written).toBeLessThan(4 * KIB * KIB)
        let at = 0
        let intact = true
        for (let piece = await far.read(); piece; piece = await far.read()) {
          for (const byte of piece) intact = intact && byte === patternByte(at - (at % (64 * KIB)), at++ % (64 * KIB))
        }
        await writing
        expect([at, intact]).toEqual([total, true])
      })

      it('giving up ends a write that waits for the reader, who then sees a reset', async () => {
        const { near, far } = await streamed()
        let written = 0
        const writing = failureOf(writeForEver(near, (size) => (written += size)))
        await untilStill(() => written)
        near.abort()
        expect((await writing).code).toBe('aborted')
        expect((await failureOf(drain(far))).code).toBe('reset')
      })

      it('give their slot back: 300 in sequence', async () => {
        const { dialer, acceptor } = await connected()
        const serving = echo(acceptor, 300)
        for (let i = 0; i < 300; i++) {
          const stream = await dialer.openStream()
          await stream.write(Uint8Array.of(i & 255))
          const [answer] = await Promise.all([readAll(stream), stream.finish()])
          expect(answer).toEqual(Uint8Array.of(i & 255))
        }
        await serving
      })

      it('give their slot back when given up: 300 in sequence, by either side', async () => {
        const { dialer, acceptor } = await connected()
        for (let i = 0; i < 300; i++) {
          const near = await dialer.openStream()
          await near.write(Uint8Array.of(1))
          const far = (await acceptor.acceptStream())!
          const [first, second] = i % 2 ? [near, far] : [far, near]
          first.abort()
          await failureOf(drain(second))
          second.abort()
        }
      })

      it('run side by side without mixing', async () => {
        const { dialer, acceptor } = await connected()
        const serving = echo(acceptor, 30)
        const answers = await Promise.all(
          Array.from({ length: 30 }, async (_, i) => {
            const stream = await dialer.openStream()
            const data = pattern(5000 + i, i)
            const [answer] = await Promise.all([readAll(stream), stream.write(data).then(() => stream.finish())])
            return same(answer, data)
          }),
        )
        expect(answers.every(Boolean)).toBe(true)
        await serving
      })
    })

    describe('closing', () => {
      it('tells the other side code and reason', async () => {
        const { dialer, acceptor } = await connected()
        dialer.close(4001, 'we have a better (code 7) link: ü')
        expect(await acceptor.closed).toEqual({ by: 'peer', code: 4001, reason: 'we have a better (code 7) link: ü' })
        expect(await dialer.closed).toEqual({ by: 'us', code: 4001, reason: 'we have a better (code 7) link: ü' })
        dialer.close(1, 'again')
        expect((await dialer.closed).code).toBe(4001)
      })

      it('works without a reason', async () => {
        const { dialer, acceptor } = await connected()
        acceptor.close(0, '')
        expect(await dialer.closed).toEqual({ by: 'peer', code: 0, reason: '' })
      })

      it('ends what waits on the connection', async () => {
        const { dialer, acceptor, near } = await streamed()
        const reading = failureOf(near.read())
        const accepting = dialer.acceptStream()
        acceptor.close(7, 'bye')
        const error = await reading
        expect([error.code, error.data.code]).toEqual(['disconnected', 7])
        expect(await accepting).toBeNull()
        expect((await failureOf(dialer.openStream())).code).toBe('disconnected')
        expect(await acceptor.acceptStream()).toBeNull()
        expect((await failureOf(acceptor.openStream())).code).toBe('disconnected')
        expect(dialer.paths()).toEqual([])
      })

      it('counts what passed, also afterwards', async () => {
        const { dialer, acceptor, near, far } = await streamed()
        await Promise.all([near.write(pattern(20 * KIB, 1)).then(() => near.finish()), readAll(far)])
        dialer.close(0, '')
        await acceptor.closed
        expect(dialer.traffic().sent).toBeGreaterThan(20 * KIB)
        expect(acceptor.traffic().received).toBeGreaterThan(20 * KIB)
      })

      it('[L9] of the transport ends accept and every connection, and is the same twice', async () => {
        const { a, b, dialer, acceptor } = await connected()
        const waiting = b.accept()
        await Promise.all([b.close(), b.close()])
        expect(await waiting).toBeNull()
        expect(await b.accept()).toBeNull()
        expect((await acceptor.closed).by).toBe('us')
        expect((await dialer.closed).by).toBe('peer')
        expect((await failureOf(b.connect(a.address()))).code).toBe('closed')
      })

      it('[L9] of the transport ends a dial under way', async () => {
        const a = await harness.open()
        const dial = failureOf(a.connect(await harness.silentAddress()))
        await a.close()
        expect((await dial).code).toBe('closed')
      })
    })
  })
}

/** The TransportError that the promise ends with; anything else fails the test. */
export async function failureOf(work: Promise<unknown>): Promise<TransportError> {
  const outcome = await work.then(
    (value) => new Error(`expected a failure, got ${String(value)}`),
    (error: unknown) => error,
  )
  if (outcome instanceof TransportError) return outcome
  throw outcome
}

export async function readExactly(stream: ByteStream, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size;) {
    const piece = await stream.read(size - at)
    if (!piece) throw new Error(`the stream ended after ${at} of ${size} bytes`)
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

export async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for (let piece = await stream.read(); piece; piece = await stream.read()) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** Reads and forgets, to the end. */
export async function drain(stream: ByteStream): Promise<number> {
  let size = 0
  for (let piece = await stream.read(); piece; piece = await stream.read()) size += piece.length
  return size
}

async function greet(stream: ByteStream): Promise<ByteStream> {
  await stream.write(Uint8Array.of(7, 7))
  return stream
}

export async function writeForEver(stream: ByteStream, onWritten: (size: number) => void = () => {}): Promise<never> {
  const piece = pattern(64 * KIB, 1)
  for (;;) {
    await stream.write(piece)
    onWritten(piece.length)
  }
}

/** Answers the next `count` streams with what they said; resolves when the other side has every answer. */
export async function echo(connection: Connection, count: number): Promise<void> {
  const answer = async (stream: ByteStream): Promise<void> => {
    await stream.write(await readAll(stream))
    await stream.finish()
  }
  const answers: Promise<void>[] = []
  while (answers.length < count) answers.push(answer((await connection.acceptStream())!))
  await Promise.all(answers)
}

function patternByte(seed: number, at: number): number {
  return (seed / 64 + at * 7 + (at >> 8)) & 255
}

export function pattern(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => patternByte(seed, at))
}

/** Cheaper than an equality of the test runner, which looks at each byte. */
export function same(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0
}

/** Resolves when the number has not moved for a while: whoever changes it is blocked. */
export async function untilStill(read: () => number): Promise<void> {
  for (let last = -1, still = 0; still < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 15))
    still = read() === last && last > 0 ? still + 1 : 0
    last = read()
  }
}
