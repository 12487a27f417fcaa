import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerScores } from '../../../src/router/peer-score.ts'
import type { PeerScoresOptions } from '../../../src/router/peer-score.ts'

function scoresAt(options: PeerScoresOptions = {}) {
  const clock = { ms: 0 }
  const scores = new PeerScores({ now: () => clock.ms, random: () => 0.5 }, options)
  return { clock, scores }
}

test('a peer that fails is left alone for a while, then usable again', () => {
  const { clock, scores } = scoresAt({ backoffMs: 1000 })
  assert.equal(scores.isUsable('a'), true)
  assert.equal(scores.failed('a'), 1000)
  assert.equal(scores.isUsable('a'), false)
  clock.ms = 999
  assert.equal(scores.isUsable('a'), false)
  clock.ms = 1000
  assert.equal(scores.isUsable('a'), true)
})

test('each further failure doubles the wait, up to the most', () => {
  const { clock, scores } = scoresAt({ backoffMs: 1000, maxBackoffMs: 6000 })
  const waits = []
  for (let i = 0; i < 5; i += 1) {
    const wait = scores.failed('a')
    waits.push(wait)
    clock.ms += wait
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 6000, 6000])
})

test('those who lost the same peer at once do not come back to it at once', () => {
  const waits = [0, 0.5, 0.999].map((drawn) => {
    const scores = new PeerScores({ now: () => 0, random: () => drawn }, { backoffMs: 1000 })
    return Math.round(scores.failed('a'))
  })
  assert.deepEqual(waits, [750, 1000, 1250])
})

test('requests that fail together count as one failure', () => {
  const { clock, scores } = scoresAt({ backoffMs: 1000 })
  for (let i = 0; i < 20; i += 1) scores.failed('a')
  clock.ms = 1000
  assert.equal(scores.isUsable('a'), true)
})

test('failures are forgotten over time', () => {
  const { clock, scores } = scoresAt({ backoffMs: 1000, forgetMs: 60_000 })
  for (let i = 0; i < 4; i += 1) clock.ms += scores.failed('a')
  clock.ms += 3 * 60_000
  assert.equal(scores.failed('a'), 1000)
})

test('a success ends the backoff and halves what it remembers', () => {
  const { clock, scores } = scoresAt({ backoffMs: 1000 })
  for (let i = 0; i < 4; i += 1) clock.ms += scores.failed('a')
  scores.failed('a')
  scores.succeeded('a', { latencyMs: 5 })
  assert.equal(scores.isUsable('a'), true)
  assert.equal(scores.failed('a'), 4000)
})

test('misbehaviour weighs more than a time-out, outlasts successes, and is forgotten too', () => {
  const { clock, scores } = scoresAt({ banMs: 60_000, maxBanMs: 600_000, forgetMs: 100_000 })
  assert.equal(scores.failed('a', true), 60_000)
  scores.succeeded('a', { latencyMs: 1 })
  assert.equal(scores.isUsable('a'), false)
  clock.ms = 60_000
  assert.equal(scores.isUsable('a'), true)
  assert.equal(scores.failed('a', true), 120_000)
  clock.ms += 120_000 + 2 * 100_000
  assert.equal(scores.failed('a', true), 60_000)
})

test('peers are ranked by how soon they are expected to answer, unusable ones left out', () => {
  const { scores } = scoresAt()
  scores.succeeded('slow', { latencyMs: 400, bytes: 1e6, milliseconds: 1000 })
  scores.succeeded('fast', { latencyMs: 1, bytes: 1e8, milliseconds: 1000 })
  scores.failed('dead')
  assert.deepEqual(scores.rank(['slow', 'dead', 'unknown', 'fast', 'fast']), [
    'fast',
    'unknown',
    'slow',
  ])
})

test('a peer that failed lately comes after one that did not', () => {
  const { clock, scores } = scoresAt()
  for (const peer of ['a', 'b']) scores.succeeded(peer, { latencyMs: 10 })
  clock.ms += scores.failed('a')
  assert.deepEqual(scores.rank(['a', 'b']), ['b', 'a'])
})

test('the number of peers remembered is bounded, and a flood of names lifts no ban', () => {
  const { scores } = scoresAt({ maxPeers: 10 })
  scores.failed('bad', true)
  for (let i = 0; i < 1000; i += 1) scores.failed(`peer-${i}`)
  assert.equal(scores.size, 10)
  assert.equal(scores.isUsable('bad'), false)
})
