import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { nodeCodec } from '../../src/adapters/node/node-codec.ts'
import { viewOf } from '../../src/history/view.ts'
import { decodeCommit } from '../../src/objects/commit.ts'
import type { GitObject, Oid } from '../../src/objects/oid.ts'
import { AFTERNOON, History } from './fixture.ts'
import type { Files } from './fixture.ts'

const DEVICES = ['Laptop', 'Phone', 'Tablet'] as const

/** What one device does: edits one note on top of the view of the heads that it knows. */
interface Edit {
  readonly device: number
  /** The devices whose newest head it heard of before, as bits. */
  readonly heard: number
  readonly note: number
  readonly how: 'append' | 'prepend' | 'rewrite' | 'delete' | 'move'
}

const fleets: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    device: fc.nat({ max: 2 }),
    heard: fc.nat({ max: 7 }),
    note: fc.nat({ max: 2 }),
    how: fc.constantFrom('append', 'prepend', 'rewrite', 'delete', 'move'),
  }),
  { maxLength: 12 },
)

const START: Files = { 'a.md': 'one\n\ntwo\n', 'b.md': 'x\n', 'f/c.md': 'y\n\nz\n' }

/** Plays edits; the newest head per device, and what each device knows of the others. Every line written is unique. */
function play(edits: readonly Edit[]): { history: History; heads: Oid[]; written: string[] } {
  const history = new History()
  const root = history.commit(START)
  const known = DEVICES.map(() => DEVICES.map(() => root))
  const written: string[] = []
  edits.forEach(({ device, heard, note, how }, i) => {
    DEVICES.forEach((_, other) => {
      if ((heard >> other) & 1) known[device] = known[device]!.map((oid, at) => newer(history, oid, known[other]![at]!))
    })
    const view = history.view(...known[device]!)
    const files = history.files(view.tree)
    const names = Object.keys(files).sort()
    const name = names[note % Math.max(names.length, 1)] ?? 'new.md'
    const line = `${DEVICES[device]}${i}\n`
    const before = files[name] ?? ''
    if (how === 'delete') delete files[name]
    else if (how === 'move' && before !== '') {
      delete files[name]
      files[`moved ${i}.md`] = before
    } else {
      written.push(line)
      files[name] = how === 'append' ? before + line : how === 'prepend' ? line + before : line
    }
    known[device]![device] = history.commit(files, [view.commit], {
      device: DEVICES[device]!,
      seconds: AFTERNOON + i * 60,
    })
  })
  return { history, heads: DEVICES.map((_, i) => known[i]![i]!), written }
}

function newer(history: History, a: Oid, b: Oid): Oid {
  return history.graph.isAncestor(a, b) ? b : a
}

describe('viewOf', () => {
  it('[V3] is the head when there is one, and nothing without heads', () => {
    const history = new History()
    const root = history.commit({ a: '1' })
    const head = history.commit({ a: '2' }, [root])
    expect(history.run(viewOf(nodeCodec, history.graph, []))).toBeNull()
    expect(history.run(viewOf(nodeCodec, history.graph, [root, head, root]))).toEqual({
      commit: head,
      tree: history.treeOf(head),
      parents: [head],
      seconds: AFTERNOON,
      objects: [],
      conflicts: [],
    })
  })

  it('[V3] is a merge commit of nobody, of the newest parent’s time, with sorted parents and the version of the rules', () => {
    const history = new History()
    const root = history.commit(START)
    const left = history.commit({ ...START, 'a.md': 'ONE\n\ntwo\n' }, [root], {
      seconds: AFTERNOON + 5,
      zoneMinutes: 120,
    })
    const right = history.commit({ ...START, 'a.md': 'one\n\nTWO\n' }, [root], { seconds: AFTERNOON + 9 })
    const view = history.view(left, right, root)
    expect(history.files(view.tree)['a.md']).toBe('ONE\n\nTWO\n')
    const nobody = { name: 'Tandem', email: 'view@tandem.invalid', seconds: AFTERNOON + 9, zoneMinutes: 0 }
    expect(decodeCommit(history.objects.get(view.commit)!.content)).toEqual({
      tree: view.tree,
      parents: [left, right].sort(),
      author: nobody,
      committer: nobody,
      message: 'View of 2 devices\n\nTandem-Merge-Rules: 1\n',
    })
  })

  it('[V3] is the same on every device, whatever the order in which it learnt of commits', () => {
    fc.assert(
      fc.property(fleets, fc.infiniteStream(fc.nat()), (edits, random) => {
        const { history, heads } = play(edits)
        const view = history.view(...heads)
        // Another device: only the commits behind the heads, added in another order, the heads named in another one.
        const other = new History()
        for (const [oid, object] of history.objects) other.objects.set(oid, object)
        const commits = history.graph.ancestorsNotIn(heads, []).map((oid) => [random.next().value, oid] as const)
        for (const [, oid] of commits.sort(([a], [b]) => a - b)) other.graph.add(oid, history.graph.node(oid))
        expect(other.view(...[...heads].reverse()).commit).toBe(view.commit)
      }),
      { numRuns: 60 },
    )
  })

  it('[V6] holds every line that anybody wrote, unless somebody who saw it took it away', () => {
    const onlyAdding = fleets.map((edits) =>
      edits.map((edit) => ({
        ...edit,
        how: edit.how === 'move' ? edit.how : edit.how === 'prepend' ? edit.how : ('append' as const),
      })),
    )
    fc.assert(
      fc.property(onlyAdding, (edits) => {
        const { history, heads, written } = play(edits)
        const text = Object.values(history.files(history.view(...heads).tree)).join('')
        for (const line of written) expect(text).toContain(line)
      }),
      { numRuns: 100 },
    )
  })

  it('[V4] is stable: a device that works on the view changes nothing else, and its head alone is the next view', () => {
    fc.assert(
      fc.property(fleets, (edits) => {
        const { history, heads } = play(edits)
        const view = history.view(...heads)
        expect(history.view(view.commit, ...heads).commit).toBe(view.commit)
        const next = history.commit({ ...history.files(view.tree), 'next.md': 'next\n' }, [view.commit])
        expect(history.view(...heads, next).commit).toBe(next)
        expect(history.view(view.commit, ...heads).tree).toBe(view.tree)
      }),
      { numRuns: 40 },
    )
  })

  it('[pitfall 7] makes no more copies while two devices go on from the same conflict', () => {
    const history = new History()
    const root = history.commit({ 'n.md': 'x\n' })
    let left = history.commit({ 'n.md': 'left\n' }, [root], { device: 'Laptop' })
    let right = history.commit({ 'n.md': 'right\n' }, [root], { device: 'Phone' })
    for (let i = 0; i < 8; i++) {
      const view = history.view(left, right)
      const files = history.files(view.tree)
      expect(Object.keys(files).filter((name) => name.startsWith('n'))).toHaveLength(2)
      left = history.commit({ ...files, 'l.md': `${i}` }, [view.commit], {
        device: 'Laptop',
        seconds: AFTERNOON + i * 60,
      })
      right = history.commit({ ...files, 'r.md': `${i}` }, [view.commit], {
        device: 'Phone',
        seconds: AFTERNOON + i * 60,
      })
    }
  })

  it('[V5] merges criss-cross history against the merge of its merge bases', () => {
    const history = new History()
    const root = history.commit({ 'n.md': '1\n\n2\n\n3\n', 'k.md': 'k\n' })
    const a = history.commit({ 'n.md': 'A\n\n2\n\n3\n', 'k.md': 'k\n' }, [root], { device: 'Laptop' })
    const b = history.commit({ 'n.md': '1\n\n2\n\nB\n', 'k.md': 'k\n' }, [root], { device: 'Phone' })
    const a1 = history.commit({ 'n.md': 'A\n\n2\n\n3\n', 'k.md': 'k\n', l: '' }, [a], { device: 'Laptop' })
    const b1 = history.commit({ 'n.md': '1\n\n2\n\nB\n', 'k.md': 'k\n', r: '' }, [b], { device: 'Phone' })
    // Each joined the other's first commit before hearing of the second, and took back one of the edits.
    const left = history.commit({ 'n.md': '1\n\n2\n\nB\n', 'k.md': 'k\n', l: '' }, [a1, b], { device: 'Laptop' })
    const right = history.commit({ 'n.md': 'A\n\n2\n\nB\n', 'k.md': 'K\n', r: '' }, [a, b1], { device: 'Phone' })
    expect(history.graph.mergeBases([left], [right])).toEqual([a, b].sort())
    const view = history.view(left, right)
    expect(history.files(view.tree)).toEqual({ 'n.md': '1\n\n2\n\nB\n', 'k.md': 'K\n', l: '', r: '' })
    expect(view.conflicts).toEqual([])
  })

  it('reads little while two devices type at once for long, each hearing the other late', () => {
    const history = new History()
    const root = history.commit({ 'l.md': '', 'r.md': '' })
    let [left, right, leftSeen, rightSeen] = [root, root, root, root]
    for (let i = 0; i < 100; i++) {
      const atLeft = history.view(left, rightSeen)
      const atRight = history.view(right, leftSeen)
      ;[leftSeen, rightSeen] = [left, right]
      left = history.commit({ ...history.files(atLeft.tree), 'l.md': `${i}` }, [atLeft.commit], {
        device: 'Laptop',
        seconds: AFTERNOON + i,
      })
      right = history.commit({ ...history.files(atRight.tree), 'r.md': `${i}` }, [atRight.commit], {
        device: 'Phone',
        seconds: AFTERNOON + i,
      })
    }
    expect(history.graph.mergeBases([left], [right])).toHaveLength(2)
    history.requests.length = 0
    expect(history.files(history.view(left, right).tree)).toEqual({ 'l.md': '99', 'r.md': '99' })
    expect(history.requests.length).toBeLessThan(30)
  })

  it('[V7] joins vaults without common history: equal files once, others both', () => {
    const history = new History()
    const left = history.commit({ 'same.md': 's', 'day.md': '# Day\n', 'n.md': 'left\n', 'l.md': '' }, [], {
      device: 'Laptop',
    })
    const right = history.commit({ 'same.md': 's', 'day.md': '# Day\nwritten\n', 'n.md': 'right\n', 'r.md': '' }, [], {
      device: 'Phone',
    })
    const view = history.view(left, right)
    const files = history.files(view.tree)
    expect(files).toMatchObject({ 'same.md': 's', 'day.md': '# Day\nwritten\n', 'l.md': '', 'r.md': '' })
    expect(Object.keys(files)).toHaveLength(6)
    expect(view.conflicts.map(({ path }) => path)).toEqual(['n.md'])
  })

  it('[V6] names a copy after the device that wrote it and its own time, not after who passed it on', () => {
    const history = new History()
    const root = history.commit({ 'n.md': 'x\n' })
    const wrote = (device: string, text: string, minute: number) =>
      history.commit({ 'n.md': text }, [root], { device, seconds: AFTERNOON + minute * 60, zoneMinutes: 90 })
    const left = wrote('Ann’s phone', 'left\n', 1)
    const right = wrote('Bob: laptop', 'right\n', 2)
    const later = (head: Oid, name: string) =>
      history.commit({ ...history.files(history.treeOf(head)), [name]: '' }, [head], {
        device: 'Later',
        seconds: AFTERNOON + 9_000,
      })
    const { conflicts } = history.view(later(left, 'p'), later(right, 'q'))
    expect(['n (conflict Ann’s phone 2026-11-21 1651).md', 'n (conflict Bob laptop 2026-11-21 1652).md']).toContain(
      conflicts[0]!.copy,
    )
  })

  it('folds any number of versions into the same one at the path, and the others beside it', () => {
    const history = new History()
    const root = history.commit({ 'n.md': 'x\n' })
    const texts = ['one\n', 'two\n', 'three\n', 'four\n']
    const heads = texts.map((text, i) => history.commit({ 'n.md': text }, [root], { device: `D${i}` }))
    const files = history.files(history.view(...heads).tree)
    expect(Object.values(files).sort()).toEqual([...texts].sort())
    expect(history.blob(files['n.md']!)).toBe(texts.map((text) => history.blob(text)).sort()[0])
  })

  it('gives the objects that it made and no others', () => {
    const history = new History()
    const root = history.commit(START)
    const heads = ['l', 'm', 'r'].map((name) => history.commit({ ...START, [`f/${name}`]: name }, [root]))
    const { objects, tree, commit } = history.view(...heads)
    expect(objects.map(({ type }) => type)).toEqual(['tree', 'tree', 'commit'])
    expect(objects.slice(1).map(({ oid }) => oid)).toEqual([tree, commit])
  })
})

describe('against stock git', () => {
  let folder: string
  const git = (args: string[], input?: Uint8Array) =>
    new Promise<string>((resolve, reject) => {
      const child = execFile('git', ['--git-dir', folder, ...args], (error, stdout) => {
        if (error) reject(new Error(`git ${args[0]!}`, { cause: error }))
        else resolve(stdout.trim())
      })
      child.stdin!.end(input)
    })
  const write = async (objects: Iterable<[Oid, GitObject]>) => {
    for (const [oid, { type, content }] of objects)
      expect(await git(['hash-object', '-w', '--stdin', '-t', type], content)).toBe(oid)
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'view-'))
    await git(['init', '-q', '--bare', folder])
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('[V9] makes views that `git fsck --strict` accepts', async () => {
    const edits: Edit[] = [0, 1, 2, 0, 1].map((device, i) => ({ device, heard: i, note: i, how: 'append' }))
    const { history, heads } = play(edits)
    const view = history.view(...heads)
    await write(history.objects)
    await git(['update-ref', 'refs/heads/main', view.commit])
    await git(['fsck', '--strict', '--no-dangling'])
    expect(await git(['rev-list', '--count', 'main'])).toBe(`${history.graph.ancestorsNotIn([view.commit], []).length}`)
  })

  it('merges two heads as `git merge-tree` does, wherever that is clean', async () => {
    const lines = (changes: Record<number, string>) =>
      Array.from({ length: 9 }, (_, i) => `${changes[i] ?? i}\n`).join('')
    const sides: [Files, Files][] = [
      [
        { a: lines({ 1: 'L' }), b: 'b\n' },
        { a: lines({ 6: 'R' }), b: 'b\n', c: 'c\n' },
      ],
      [
        { 'f/a': lines({}), b: 'b\n' },
        { a: lines({ 6: 'R' }), b: 'b\n' },
      ],
      [
        { a: lines({}), 'd/b': 'b\n', 'd/x': 'x\n' },
        { a: lines({ 0: 'R' }), b: 'b\n' },
      ],
      [{ a: lines({ 3: 'same' }) }, { a: lines({ 3: 'same', 8: 'R' }), b: 'b\n' }],
    ]
    for (const [left, right] of sides) {
      const history = new History()
      const root = history.commit({ a: lines({}), b: 'b\n' })
      const heads = [history.commit(left, [root]), history.commit(right, [root])]
      await write(history.objects)
      expect(await git(['merge-tree', '--write-tree', ...heads])).toBe(history.view(...heads).tree)
    }
  })
})
