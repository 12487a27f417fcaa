import assert from 'node:assert/strict'
import { test } from 'node:test'
import { announceable, compareAddresses } from '../../../src/swarm/address-order.ts'
import type { Interfaces } from '../../../src/swarm/address-order.ts'

const RELAYED = '/ip4/10.0.0.9/tcp/1/p2p/R/p2p-circuit/p2p/P'

function interfacesOf(hosts: Record<string, string>): Interfaces {
  const entries = Object.entries(hosts).map(([name, address]) => [name, [{ address }]])
  return Object.fromEntries(entries) as Interfaces
}

test('direct addresses are dialled before loopback, and relayed ones last', () => {
  const addresses = [RELAYED, '/ip4/127.0.0.1/tcp/1', '/ip4/10.0.0.1/tcp/1', '/ip6/::1/tcp/1']
  assert.deepEqual(addresses.toSorted(compareAddresses), [
    '/ip4/10.0.0.1/tcp/1',
    '/ip4/127.0.0.1/tcp/1',
    '/ip6/::1/tcp/1',
    RELAYED,
  ])
})

test('link-local addresses and container bridges are not announced, loopback and the rest are', () => {
  const interfaces = interfacesOf({
    eth0: '10.0.0.1',
    docker0: '172.17.0.1',
    'br-1a2b': '172.18.0.1',
  })
  const addresses = [
    '/ip4/127.0.0.1/tcp/1',
    '/ip4/172.17.0.1/tcp/1',
    '/ip4/172.18.0.1/tcp/1',
    '/ip4/169.254.3.4/tcp/1',
    '/ip6/fe80::1/tcp/1',
    '/dns4/runner.example.com/tcp/1',
    '/ip4/10.0.0.1/tcp/1',
    RELAYED,
  ]
  assert.deepEqual(announceable(addresses, interfaces), [
    '/dns4/runner.example.com/tcp/1',
    '/ip4/10.0.0.1/tcp/1',
    '/ip4/127.0.0.1/tcp/1',
    RELAYED,
  ])
})

test('a bridge is announced where nothing else leads to the node', () => {
  const interfaces = interfacesOf({ docker0: '172.17.0.1' })
  const addresses = ['/ip4/127.0.0.1/tcp/1', '/ip4/172.17.0.1/tcp/1']
  assert.deepEqual(announceable(addresses, interfaces), [
    '/ip4/172.17.0.1/tcp/1',
    '/ip4/127.0.0.1/tcp/1',
  ])
})
