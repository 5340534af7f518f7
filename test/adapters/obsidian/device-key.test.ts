import { describe, expect, it } from 'vitest'
import { endpointIdOf as irohIdOf } from '../../../src/adapters/iroh/iroh-keys.ts'
import { DEVICE_KEY_ID, endpointIdOf, openDeviceKey } from '../../../src/adapters/obsidian/device-key.ts'

/** Obsidian's secret storage: by id, in memory, and at once. */
class Secrets {
  readonly kept = new Map<string, string>()
  /** Every value that was ever stored. */
  readonly stored: string[] = []

  getSecret(id: string): string | null {
    return this.kept.get(id) ?? null
  }

  setSecret(id: string, secret: string): void {
    this.stored.push(secret)
    this.kept.set(id, secret)
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('the key of a device', () => {
  it('is the same endpoint to Iroh', async () => {
    for (const first of [0, 1, 127, 128, 255]) {
      const seed = Uint8Array.from({ length: 32 }, (_, i) => (first + 37 * i) & 0xff)
      expect(await endpointIdOf(seed)).toBe(irohIdOf(seed))
    }
  })

  it('is that of RFC 8032, test 1', async () => {
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex')
    const id = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a'
    expect(await endpointIdOf(seed)).toBe(id)
  })

  it('[P6] is made once, and lives in the secret storage', async () => {
    const secrets = new Secrets()
    const made = await openDeviceKey(secrets)
    expect([...secrets.kept]).toEqual([[DEVICE_KEY_ID, hex(made.secretKey)]])
    expect(await openDeviceKey(secrets)).toEqual(made)
    expect(secrets.stored).toHaveLength(1)
  })

  it('is one when it is asked for twice at once', async () => {
    const secrets = new Secrets()
    const [one, other] = await Promise.all([openDeviceKey(secrets), openDeviceKey(secrets)])
    expect(one).toEqual(other)
    expect(secrets.stored).toHaveLength(1)
  })

  it('is another one on another device', async () => {
    const [one, other] = await Promise.all([openDeviceKey(new Secrets()), openDeviceKey(new Secrets())])
    expect(one.id).not.toBe(other.id)
  })

  it.each(['something else', 'ab'.repeat(31), `${'AB'.repeat(32)}`, `${'ab'.repeat(32)} `])(
    'does not replace what else is stored in its place: %j',
    async (text) => {
      const secrets = new Secrets()
      secrets.kept.set(DEVICE_KEY_ID, text)
      await expect(openDeviceKey(secrets)).rejects.toMatchObject({ name: 'DeviceKeyError', code: 'damaged' })
      expect([secrets.kept.get(DEVICE_KEY_ID), secrets.stored]).toEqual([text, []])
    },
  )

  it('is not used when the storage does not hold it', async () => {
    const forgetful = { getSecret: () => null, setSecret: () => undefined }
    await expect(openDeviceKey(forgetful)).rejects.toMatchObject({ name: 'DeviceKeyError', code: 'not-kept' })
  })
})
