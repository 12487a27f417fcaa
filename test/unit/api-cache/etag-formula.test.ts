import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expectedEtag, FormulaWatch, opaqueTag } from '../../../src/api-cache/etag-formula.ts'
import { createLogger } from '../../../src/core/logger.ts'

const BODY = Buffer.from('hello world')

// Each made with `printf '…' | sha256sum`.
test('an ETag is the hash of the headers that Vary names, in their order, and of the body', () => {
  const sent = { accept: 'application/json', authorization: 'Bearer hunter1' }
  const both = '8ba5e4f8adb9da0d9a3e374907a8afac1286f2a9eed662541449873c0bdfa27b'
  assert.equal(expectedEtag(sent, undefined, BODY), both)
  assert.equal(expectedEtag(sent, '*', BODY), both)
  assert.equal(expectedEtag(sent, 'Cookie, Authorization,accept, Accept-Encoding', BODY), both)
  const one = 'ffe6e54ebaaaff92f2feaa4bf3a5fda8ff1d49a6a4f492101039cd7c091b7523'
  assert.equal(expectedEtag(sent, 'Authorization', BODY), one)
  const cookie = '924727448305b66e18f335860625d39ca364e70a96587cdb0f72331f3197f98d'
  assert.equal(expectedEtag({ accept: '*/*', cookie: 'a=1' }, undefined, BODY), cookie)
})

test('the tag of an ETag is read, strong or weak', () => {
  assert.equal(opaqueTag('"abc"'), 'abc')
  assert.equal(opaqueTag('W/"abc"'), 'abc')
  for (const none of [null, undefined, '', 'abc', '"a"b"', 'w/"a"']) {
    assert.equal(opaqueTag(none), undefined)
  }
})

test('one endpoint with ETags of its own does not turn the formula off, several do, each host for itself', () => {
  const lines: string[] = []
  const logger = createLogger((level, line) => lines.push(`${level}: ${line}`))
  const watch = new FormulaWatch({ logger })
  for (const matched of [false, true, false, false, true]) watch.saw('a', matched, false)
  assert.ok(watch.holds('a'))
  for (let at = 0; at < 4; at += 1) watch.saw('a', false, false)
  assert.ok(!watch.holds('a'))
  assert.ok(watch.holds('b'))
  assert.equal(lines.length, 1)
  watch.saw('b', true, false)
  watch.saw('b', false, true)
  assert.ok(!watch.holds('b'), 'what followed it before says more')
  for (let at = 0; at < 5; at += 1) watch.saw('b', true, false)
  assert.ok(watch.holds('b'))
})
