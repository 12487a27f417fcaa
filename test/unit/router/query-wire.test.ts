import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAnswer, parseQuestion } from '../../../src/router/query-wire.ts'
import { entryFor, queryFor } from '../../support/entries.ts'

test('questions and answers survive the way through JSON', () => {
  const query = queryFor('k', { restoreKeys: ['a', 'b'] })
  assert.deepEqual(parseQuestion(JSON.parse(JSON.stringify({ query }))), { query })
  const answer = { entry: entryFor('k'), nearMisses: [] }
  assert.deepEqual(parseAnswer(JSON.parse(JSON.stringify(answer))), answer)
  assert.deepEqual(parseAnswer({ holds: false }), { holds: false })
})

test('a question over any bound is malformed', () => {
  const bad = [
    {},
    { query: null },
    { manifest: 'abc' },
    { query: { ...queryFor('k'), scopes: [] } },
    { query: { ...queryFor('k'), scopes: Array.from({ length: 11 }, () => 's') } },
    { query: { ...queryFor('k'), restoreKeys: Array.from({ length: 10 }, () => 'r') } },
    { query: { ...queryFor('k'), restoreKeys: [1] } },
    { query: { ...queryFor('k'), version: 'x' } },
    { query: queryFor('k'.repeat(513)) },
    { query: queryFor('') },
    { query: { ...queryFor('k'), repository: 'r'.repeat(1025) } },
  ]
  for (const header of bad) assert.equal(parseQuestion(header), undefined, JSON.stringify(header))
})

test('an answer over any bound is malformed', () => {
  const near = { reason: 'other-scope', key: 'k', scope: 's' }
  const bad = [
    {},
    { nearMisses: Array.from({ length: 11 }, () => near) },
    { nearMisses: [{ ...near, reason: 'because' }] },
    { nearMisses: [{ ...near, key: 'k'.repeat(1025) }] },
    { nearMisses: [], entry: { ...entryFor('k'), manifestBytes: -1 } },
    { nearMisses: [], entry: 'entry' },
  ]
  for (const header of bad) assert.equal(parseAnswer(header), undefined, JSON.stringify(header))
})

test('no JSON object makes a parser throw', () => {
  const field = fc.constantFrom('query', 'manifest', 'holds', 'nearMisses', 'entry', 'busy')
  const header = fc.dictionary(field, fc.anything())
  fc.assert(
    fc.property(header, (value) => {
      parseQuestion(value)
      parseAnswer(value)
    }),
    { numRuns: 2000 },
  )
})
