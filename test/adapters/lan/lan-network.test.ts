import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, it } from 'vitest'
import { isOnNetwork, planLanNetworks } from '../../../src/adapters/lan/lan-network.ts'

const v4 = (address: string, netmask = '255.255.255.0', internal = false): NetworkInterfaceInfo => ({
  family: 'IPv4',
  address,
  netmask,
  internal,
  mac: '',
  cidr: null,
})
const v6 = (address: string): NetworkInterfaceInfo => ({
  family: 'IPv6',
  address,
  netmask: 'ffff:ffff:ffff:ffff::',
  internal: false,
  mac: '',
  cidr: null,
  scopeid: 0,
})
const interfaces = {
  lo: [v4('127.0.0.1', '255.0.0.0', true)],
  wlan0: [v6('fe80::1'), v4('192.168.1.7'), v6('2001:db8:1::7')],
  tun0: [v4('10.8.0.2', '255.255.0.0')],
  eth1: [v6('2001:db8:2::7')],
}

describe('the networks that are spoken on', () => {
  it('are told the addresses of their own, never those of another network', () => {
    const direct = ['192.168.1.7:1', '10.8.0.2:1', '[2001:db8:1::7]:2', '[2001:db8:2::7]:2', '84.1.2.3:9']
    expect(planLanNetworks(direct, interfaces).map(({ address, direct: told }) => [address, told])).toEqual([
      ['192.168.1.7', ['192.168.1.7:1', '[2001:db8:1::7]:2']],
      ['10.8.0.2', ['10.8.0.2:1']],
    ])
  })

  it('do not include one that we are not bound on; bound to loopback we say nothing at all', () => {
    expect(planLanNetworks(['192.168.1.7:1'], interfaces)).toHaveLength(1)
    expect(planLanNetworks(['127.0.0.1:1', '[::1]:1'], interfaces)).toEqual([])
    expect(planLanNetworks([], interfaces)).toEqual([])
  })
})

describe('an address', () => {
  const [wlan, tun] = planLanNetworks(['192.168.1.7:1', '10.8.0.2:1'], interfaces)

  it.each(['192.168.1.200', '192.168.1.200:4433', '[2001:db8:1::99]:4433', '192.168.1.7:1'])(
    '%s is near',
    (address) => {
      expect(isOnNetwork(wlan!, address)).toBe(true)
    },
  )

  it.each([
    '192.168.2.1:4433',
    '8.8.8.8:53',
    '127.0.0.1:4433',
    '224.0.0.251:5353',
    '255.255.255.255:1',
    '[2001:db8:9::1]:4433',
    '[::1]:4433',
    'router.local:80',
    '',
  ])('%s is not', (address) => {
    expect(isOnNetwork(wlan!, address)).toBe(false)
  })

  it('is measured by the mask of its network', () => {
    expect(isOnNetwork(tun!, '10.8.200.1:4433')).toBe(true)
    expect(isOnNetwork(tun!, '10.9.0.1:4433')).toBe(false)
  })
})
