import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readApiRequest } from '../../../src/api-cache/api-request.ts'
import type { ApiRequest } from '../../../src/api-cache/api-request.ts'

const API = ['https://api.github.com', 'https://ghe.example/api/v3']

function kindOf(url: string, init?: RequestInit): string {
  const read = readApiRequest(url, init, API)
  return read.kind === 'passed' ? read.why : read.kind
}

function requestOf(input: string | Request, init?: RequestInit): ApiRequest {
  const read = readApiRequest(input, init, API)
  assert.ok(read.kind === 'api')
  return read.request
}

test('only reads of an API without conditions of the caller are for the cache', () => {
  assert.equal(kindOf('https://api.github.com/user'), 'api')
  assert.equal(kindOf('https://ghe.example/api/v3/user', { method: 'head' }), 'api')
  for (const url of [
    'https://ghe.example/api/graphql',
    'https://api.github.com.evil.example/',
    '/x',
  ]) {
    assert.equal(kindOf(url), 'foreign')
  }
  assert.equal(kindOf('https://me:secret@api.github.com/user'), 'foreign')
  assert.equal(kindOf('https://api.github.com/user', { method: 'PATCH' }), 'method')
  for (const path of ['rate_limit', 'graphql', 'user?access_token=x', 'user?client_secret=x']) {
    assert.equal(kindOf(`https://api.github.com/${path}`), 'bypass')
  }
  const headers = ['range', 'If-None-Match', 'if-modified-since', 'If-Match', 'if-range']
  for (const name of headers) {
    assert.equal(kindOf('https://api.github.com/user', { headers: { [name]: '"x"' } }), 'request')
  }
  const noCache = { headers: { 'cache-control': 'no-cache' } }
  assert.equal(kindOf('https://api.github.com/user', noCache), 'request')
  assert.equal(
    kindOf('https://api.github.com/user', { cache: 'no-store' } as RequestInit),
    'request',
  )
})

test('a key is about what is asked, and a credential about who asks; neither holds a token', () => {
  const url = 'https://api.github.com/user'
  const one = requestOf(url, { headers: { authorization: 'Bearer ghs_one' } })
  const two = requestOf(url, { headers: { authorization: 'Bearer ghs_two' } })
  assert.equal(one.key, two.key)
  assert.notEqual(one.credential, two.credential)
  assert.equal(one.key, requestOf(new Request(`${url}#part`)).key)
  assert.notEqual(one.key, requestOf(url, { headers: { accept: 'text/html' } }).key)
  assert.notEqual(one.key, requestOf(`${url}?page=2`).key)
  const version = { 'x-github-api-version': '2022-11-28' }
  assert.notEqual(one.key, requestOf(url, { headers: version }).key)
  assert.doesNotMatch(JSON.stringify([one.key, one.credential]), /ghs_/)
})

test('tokens of jobs are told from those of people', () => {
  const kind = (authorization?: string): string => {
    const headers = authorization === undefined ? undefined : { authorization }
    return requestOf('https://api.github.com/user', { headers }).token
  }
  assert.equal(kind(), 'none')
  assert.equal(kind('token ghs_x'), 'job')
  for (const token of ['Bearer ghp_x', 'Bearer github_pat_x', 'Basic Z2hzXw==', 'ghs_x']) {
    assert.equal(kind(token), 'personal')
  }
})

test('what is hashed is what is sent', () => {
  const request = requestOf('https://api.github.com/user', {
    headers: { 'user-agent': 'Mozilla/5.0 Firefox/1 Safari/2 curl/8 Wget/1' },
  })
  assert.equal(request.headers.get('accept'), '*/*')
  assert.equal(request.sent.accept, '*/*')
  assert.doesNotMatch(request.headers.get('user-agent') ?? '', /curl|Wget|Safari|Firefox/)
})
