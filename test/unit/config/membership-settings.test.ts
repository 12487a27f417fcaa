import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../src/config.ts'
import type { Config } from '../../../src/config.ts'
import { isSwarmCacheError } from '../../../src/core/errors.ts'

const HOME = { HOME: '/home/somebody' }
const JOB = {
  ...HOME,
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://tokens.example/?api-version=2.0',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'the bearer of the job',
}

function load(env: Readonly<Record<string, string>>): Config {
  return loadConfig({ env: { ...HOME, ...env }, cwd: '/srv/job' })
}

const ISSUERS: readonly [server: string | undefined, issuer: string][] = [
  [undefined, 'https://token.actions.githubusercontent.com'],
  ['https://github.com', 'https://token.actions.githubusercontent.com'],
  ['https://octo.ghe.com', 'https://token.actions.octo.ghe.com'],
  ['https://git.example.com', 'https://git.example.com/_services/token'],
]

for (const [server, issuer] of ISSUERS) {
  test(`the issuer of ${server ?? 'no server'} is ${issuer}`, () => {
    const { tokens } = load(server === undefined ? {} : { GITHUB_SERVER_URL: server })
    assert.deepEqual(tokens.issuers, [issuer])
  })
}

test('issuers that are named replace the one of the server', () => {
  const SWARMCACHE_OIDC_ISSUER = 'https://id.example/fleet/, http://127.0.0.1:8080'
  assert.deepEqual(load({ SWARMCACHE_OIDC_ISSUER }).tokens.issuers, [
    'https://id.example/fleet',
    'http://127.0.0.1:8080',
  ])
})

test('a job with the permission id-token: write uses it without any setting', () => {
  const config = load(JOB)
  assert.equal(config.membership.proof, 'oidc')
  assert.equal(config.tokens.request?.url, JOB.ACTIONS_ID_TOKEN_REQUEST_URL)
  assert.deepEqual(
    Object.keys(config.upstreamEnvironment).filter((name) => name.startsWith('ACTIONS_ID_TOKEN')),
    [],
  )
})

test('a token file is looked for in the working folder', () => {
  const { tokens, membership } = load({ SWARMCACHE_OIDC_TOKEN_FILE: 'token' })
  assert.equal(tokens.file, '/srv/job/token')
  assert.equal(membership.proof, 'oidc')
})

const BAD: readonly [name: string, value: string][] = [
  ['SWARMCACHE_AUTH', 'token'],
  ['SWARMCACHE_SWARM', 'enterprise'],
  ['SWARMCACHE_OIDC_ISSUER', 'http://id.example'],
  ['SWARMCACHE_OIDC_ISSUER', 'file:///etc/issuer'],
  ['SWARMCACHE_OIDC_ISSUER', 'https://user:word@id.example'],
  ['SWARMCACHE_OIDC_ISSUER', 'https://id.example/?tenant=1'],
  ['SWARMCACHE_OIDC_ISSUER', 'id.example'],
]

for (const [name, value] of BAD) {
  test(`${name}=${value} is refused by name`, () => {
    assert.throws(
      () => load({ [name]: value }),
      (error) => isSwarmCacheError(error, 'ERR_INPUT') && error.message.includes(name),
    )
  })
}
