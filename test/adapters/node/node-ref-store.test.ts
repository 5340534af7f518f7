import fs from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { openBareRepository } from '../../../src/adapters/node/bare-repository.ts'
import { NodeRefStore } from '../../../src/adapters/node/node-ref-store.ts'
import type { Oid } from '../../../src/objects/oid.ts'
import { StockGit } from '../../support/git.ts'

async function aRepository() {
  const gitDir = fs.mkdtempSync(path.join(tmpdir(), 'tandem-refs-'))
  onTestFinished(() => fs.rmSync(gitDir, { recursive: true, force: true }))
  await openBareRepository(gitDir)
  const git = new StockGit(gitDir)
  const tree = git.runWith({ input: '' }, 'mktree').toString().trim()
  const commits = ['one', 'two', 'three'].map((text) => git.text('commit-tree', tree, '-m', text) as Oid)
  return { gitDir, git, store: new NodeRefStore(gitDir), one: commits[0]!, two: commits[1]!, three: commits[2]! }
}

describe('refs beside stock git', () => {
  it('are seen by git, and git sees ours', async () => {
    const { git, store, one, two } = await aRepository()
    await store.compareAndSwap('refs/heads/main', null, one)
    expect(git.text('rev-parse', 'main')).toBe(one)
    git.run('update-ref', 'refs/heads/other', two)
    git.run('update-ref', 'refs/heads/main', two, one)
    expect(Object.fromEntries(await store.list())).toEqual({ 'refs/heads/main': two, 'refs/heads/other': two })
    expect(await store.compareAndSwap('refs/heads/main', one, two)).toBe(false)
  })

  it('are read, moved and deleted when git packed them', async () => {
    const { gitDir, git, store, one, two, three } = await aRepository()
    for (const name of ['refs/heads/main', 'refs/heads/a', 'refs/devices/x'] as const)
      await store.compareAndSwap(name, null, one)
    git.run('tag', '-a', 'v1', '-m', 'first', one)
    git.run('pack-refs', '--all', '--prune')
    expect(fs.existsSync(path.join(gitDir, 'refs/heads/main'))).toBe(false)
    expect((await store.list()).size).toBe(4)
    expect(await store.compareAndSwap('refs/heads/main', one, two)).toBe(true)
    expect(await store.read('refs/heads/main')).toBe(two)
    expect(await store.compareAndSwap('refs/heads/a', one, null)).toBe(true)
    expect(await store.read('refs/heads/a')).toBeNull()
    expect(await store.compareAndSwap('refs/tags/v1', await store.read('refs/tags/v1'), null)).toBe(true)
    expect(await store.compareAndSwap('refs/devices/x', one, three)).toBe(true)
    expect(await store.compareAndSwap('refs/devices/x', three, null)).toBe(true)
    expect(git.text('for-each-ref', '--format=%(refname) %(objectname)')).toBe(`refs/heads/main ${two}`)
    expect(git.text('fsck', '--strict', '--no-dangling')).toBe('')
  })

  it('follow git gc', async () => {
    const { git, store, one, two } = await aRepository()
    await store.compareAndSwap('refs/devices/x', null, one)
    git.run('gc', '--quiet')
    expect(await store.compareAndSwap('refs/devices/x', one, two)).toBe(true)
    git.run('gc', '--quiet')
    expect(Object.fromEntries(await store.list())).toEqual({ 'refs/devices/x': two })
  })

  it('leave symbolic refs to git', async () => {
    const { git, store, one } = await aRepository()
    await store.compareAndSwap('refs/heads/main', null, one)
    git.run('symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/heads/main')
    expect([...(await store.list()).keys()]).toEqual(['refs/heads/main'])
    expect(await store.read('refs/remotes/origin/HEAD')).toBeNull()
    const swapped = store.compareAndSwap('refs/remotes/origin/HEAD', null, one)
    await expect(swapped).rejects.toMatchObject({ code: 'bad-ref' })
    expect(git.text('symbolic-ref', 'refs/remotes/origin/HEAD')).toBe('refs/heads/main')
  })

  it('are created where git left empty folders', async () => {
    const { gitDir, store, one } = await aRepository()
    fs.mkdirSync(path.join(gitDir, 'refs/heads/a/b/c'), { recursive: true })
    expect(await store.compareAndSwap('refs/heads/a', null, one)).toBe(true)
    expect(await store.read('refs/heads/a')).toBe(one)
  })

  it('break a lock that a dead process left', async () => {
    const { gitDir, store, one } = await aRepository()
    const lock = path.join(gitDir, 'refs/heads/main.lock')
    fs.writeFileSync(lock, '')
    const old = new Date(Date.now() - 11_000)
    fs.utimesSync(lock, old, old)
    expect(await store.compareAndSwap('refs/heads/main', null, one)).toBe(true)
    expect(fs.existsSync(lock)).toBe(false)
  })

  it('wait for a lock that is held, and then look at the ref as it is', async () => {
    const { gitDir, store, one, two } = await aRepository()
    const file = path.join(gitDir, 'refs/heads/main')
    fs.writeFileSync(`${file}.lock`, `${two}\n`)
    const swapped = store.compareAndSwap('refs/heads/main', null, one)
    await new Promise((resolve) => setTimeout(resolve, 50))
    fs.renameSync(`${file}.lock`, file)
    expect(await swapped).toBe(false)
    expect(await store.read('refs/heads/main')).toBe(two)
    expect(fs.existsSync(`${file}.lock`)).toBe(false)
  })

  it('say when a ref is damaged rather than that it is absent', async () => {
    const { gitDir, store, one } = await aRepository()
    fs.writeFileSync(path.join(gitDir, 'refs/heads/main'), '')
    await expect(store.read('refs/heads/main')).rejects.toMatchObject({ code: 'damaged' })
    await expect(store.list()).rejects.toMatchObject({ code: 'damaged' })
    await expect(store.compareAndSwap('refs/heads/main', null, one)).rejects.toMatchObject({ code: 'damaged' })
    fs.rmSync(path.join(gitDir, 'refs/heads/main'))
    fs.writeFileSync(path.join(gitDir, 'packed-refs'), 'junk\n')
    await expect(store.list()).rejects.toMatchObject({ code: 'damaged' })
  })

  it('keep the old value when the disk is full', async () => {
    const { gitDir, store, one, two } = await aRepository()
    await store.compareAndSwap('refs/heads/main', null, one)
    const write = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC', errno: -28, syscall: 'write' })
    })
    await expect(store.compareAndSwap('refs/heads/main', one, two)).rejects.toMatchObject({ code: 'disk-full' })
    write.mockRestore()
    expect(await store.read('refs/heads/main')).toBe(one)
    expect(fs.readdirSync(path.join(gitDir, 'refs/heads'))).toEqual(['main'])
  })
})
