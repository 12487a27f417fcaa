import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BannedPeers } from '../../../src/swarm/banned-peers.ts'

function bannedAt() {
  const clock = { ms: 0 }
  return { clock, banned: new BannedPeers(() => clock.ms) }
}

test('a banned peer is refused until its time is over', () => {
  const { clock, banned } = bannedAt()
  banned.ban('a', 1000)
  assert.equal(banned.has('a'), true)
  assert.equal(banned.has('b'), false)
  clock.ms = 1000
  assert.equal(banned.has('a'), false)
  assert.equal(banned.size, 0)
})

test('a shorter ban does not end a longer one', () => {
  const { clock, banned } = bannedAt()
  banned.ban('a', 1000)
  banned.ban('a', 10)
  clock.ms = 500
  assert.equal(banned.has('a'), true)
})

test('bans are bounded in number, and those that end soonest make room', () => {
  const { banned } = bannedAt()
  banned.ban('long', 1_000_000)
  for (let i = 0; i < 5000; i += 1) banned.ban(`peer-${i}`, 1000 + i)
  assert.ok(banned.size <= 2048)
  assert.equal(banned.has('long'), true)
  assert.equal(banned.has('peer-0'), false)
  assert.equal(banned.has('peer-4999'), true)
})
