import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeAnswer, encodeAnswer } from '../../../src/api-cache/answer-wire.ts'
import { makeAnswer } from '../../contract/answer-shelf.ts'

test('an answer survives encoding, as JSON and a body', () => {
  const answer = makeAnswer('{"é":1}', { headers: { link: '<http://a/>; rel="next"' } })
  const { header, body } = encodeAnswer(answer)
  assert.deepEqual(decodeAnswer(JSON.parse(JSON.stringify(header)), body), answer)
})

test('headers that are about one token are not taken over', () => {
  const { header, body } = encodeAnswer(makeAnswer())
  const headers = { vary: 'Accept', 'set-cookie': 'a=1', 'x-oauth-scopes': 'repo' }
  assert.deepEqual(decodeAnswer({ ...header, headers }, body)?.headers, { vary: 'Accept' })
  assert.equal(decodeAnswer({ ...header, headers: { vary: 'a\r\nb: c' } }, body), undefined)
})

test('anything malformed, or with another body than it says, is no answer', () => {
  const { header, body } = encodeAnswer(makeAnswer())
  assert.equal(decodeAnswer(header, Buffer.from('other')), undefined)
  assert.equal(decodeAnswer({ ...header, answer: 2 }, body), undefined)
  const field = fc.constantFrom(...Object.keys(header))
  fc.assert(
    fc.property(field, fc.anything(), (name, value) => {
      const decoded = decodeAnswer({ ...header, [name]: value }, body)
      if (decoded !== undefined) assert.deepEqual(decoded.body, body)
    }),
  )
  fc.assert(
    fc.property(fc.anything(), fc.uint8Array(), (value, bytes) => {
      assert.equal(decodeAnswer(value, bytes), undefined)
    }),
  )
})
