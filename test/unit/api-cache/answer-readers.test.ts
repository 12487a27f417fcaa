import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AnswerReaders } from '../../../src/api-cache/answer-readers.ts'
import type { Attestation } from '../../../src/identity/identity.ts'

const MAIN = 'refs/heads/main'
const PULL = 'refs/pull/7/merge'
const SECRET = 'refs/heads/secret'

function attested(fields: Partial<Attestation>): Attestation {
  const facts = { repository: 'octo/hello', ref: MAIN, event: 'push', baseRef: '' }
  return { ...facts, ...fields } as Attestation
}

function readersWith(attestation: Attestation | undefined, requiresToken = false): AnswerReaders {
  const peer = { peerId: 'peer', address: '', relayed: false, since: 0, attestation }
  return new AnswerReaders(
    { swarm: { peers: () => [peer] } },
    { repository: 'octo/hello', defaultScope: MAIN, requiresToken },
  )
}

test('a peer with a token reads its own ref, its base and the default branch, whatever it says', () => {
  const asked = [MAIN, PULL, SECRET, 'refs/heads/next']
  const pull = attested({ ref: PULL, event: 'pull_request', baseRef: 'next' })
  assert.deepEqual(readersWith(pull).readable('peer', asked), [MAIN, PULL, 'refs/heads/next'])
  assert.deepEqual(readersWith(attested({})).readable('peer', asked), [MAIN])
  const other = attested({ repository: 'octo/other' })
  assert.deepEqual(readersWith(other).readable('peer', asked), [])
})

test('without a token the swarm key is what counts, unless tokens are required', () => {
  assert.deepEqual(readersWith(undefined).readable('peer', [MAIN, SECRET]), [MAIN, SECRET])
  assert.deepEqual(readersWith(undefined, true).readable('peer', [MAIN, SECRET]), [])
  assert.equal(readersWith(undefined).believes(undefined, [MAIN]), true)
  assert.equal(readersWith(undefined, true).believes(undefined, [MAIN]), false)
})

test('answers are used of runs that may write what the reader reads, as entries are', () => {
  const readers = readersWith(undefined)
  const pull = attested({ ref: PULL, event: 'pull_request' })
  assert.equal(readers.believes(pull, [MAIN]), false)
  assert.equal(readers.believes(pull, [PULL, MAIN]), true)
  assert.equal(readers.believes(attested({}), [PULL, MAIN]), true)
  const strangers = attested({ event: 'pull_request_target' })
  assert.equal(readers.believes(strangers, [MAIN]), false)
  assert.equal(readers.believes(attested({ repository: 'octo/other' }), [MAIN]), false)
})
