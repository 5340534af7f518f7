import { describe, expect, it } from 'vitest'
import { parseGitPlace } from '../../src/adapters/node/git-place.ts'
import { parseRemoteAddress } from '../../src/cli/git-remote/remote-address.ts'

const peer = (url: string) => {
  const address = parseRemoteAddress(url)
  if (address.kind !== 'peer') throw new Error(address.kind)
  const { name, state, vault, path } = address
  return { name, state, vault, path }
}
const plain = { state: undefined, vault: undefined, path: '/vault' }

describe('the address behind tandem::', () => {
  it('is a device, as git gives it with and without the scheme', () => {
    expect(peer('Laptop')).toEqual({ ...plain, name: 'Laptop' })
    expect(peer('tandem::Laptop')).toEqual({ ...plain, name: 'Laptop' })
    expect(peer('tandem://Laptop/')).toEqual({ ...plain, name: 'Laptop' })
    expect(peer('Attic server 🌱?')).toEqual({ ...plain, name: 'Attic server 🌱?' })
  })

  it('with the state or the vault that knows it, and another share', () => {
    expect(peer('/a #b/state#Laptop')).toEqual({ ...plain, name: 'Laptop', state: '/a #b/state' })
    expect(peer('Laptop?vault=/My%20Notes')).toEqual({ ...plain, name: 'Laptop', vault: '/My Notes' })
    expect(peer('Laptop?share=0f&vault=/N')).toEqual({ ...plain, name: 'Laptop', vault: '/N', path: '/0f' })
  })

  it('is refused when it makes no sense', () => {
    for (const url of [
      '',
      'tandem::',
      '/state#',
      '?vault=/x',
      'Laptop?vault=%zz',
      'Laptop?vault=/x&else=1',
      'a'.repeat(9000),
    ])
      expect(() => parseRemoteAddress(url), url).toThrow(expect.objectContaining({ code: 'usage' }) as Error)
    expect(() => parseRemoteAddress('obsidian://tandem-sync?secret=1')).toThrow(
      expect.objectContaining({ code: 'bad-link' }) as Error,
    )
  })
})

describe('the place of a mirror', () => {
  it('is a folder, from here or from the root', () => {
    expect(parseGitPlace('mirror.git', '/home/ada')).toEqual({ kind: 'folder', folder: '/home/ada/mirror.git' })
    expect(parseGitPlace('/mnt/a:b', '/')).toEqual({ kind: 'folder', folder: '/mnt/a:b' })
    expect(parseGitPlace('file:///mnt/my%20mirror', '/')).toEqual({ kind: 'folder', folder: '/mnt/my mirror' })
  })

  it('or a git daemon', () => {
    expect(parseGitPlace('git://attic/notes.git', '/')).toEqual({
      kind: 'daemon',
      host: 'attic',
      port: 9418,
      path: '/notes.git',
    })
    expect(parseGitPlace('git://[::1]:7/n', '/')).toEqual({ kind: 'daemon', host: '::1', port: 7, path: '/n' })
  })

  it('and nothing that only looks like one', () => {
    for (const text of [
      '',
      'https://x/y',
      'ssh://x/y',
      'host:notes.git',
      'git@host:x',
      'git://',
      'git://host',
      'git:///x',
    ])
      expect(parseGitPlace(text, '/'), text).toBeNull()
  })
})
