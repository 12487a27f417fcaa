import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig } from '../../../src/config.ts'
import type { Config } from '../../../src/config.ts'

const JOB = {
  HOME: '/home/runner',
  GITHUB_ACTIONS: 'true',
  GITHUB_REPOSITORY: 'Octo/App',
  GITHUB_REF: 'refs/heads/main',
  ACTIONS_RUNTIME_TOKEN: 'the token of the job',
  ACTIONS_RESULTS_URL: 'https://results.example/',
  ACTIONS_CACHE_URL: 'https://cache.example/',
  ACTIONS_CACHE_SERVICE_V2: 'True',
}

function load(env: Readonly<Record<string, string>>): Config {
  return loadConfig({ env, cwd: '/srv/job' })
}

test('inside Actions a folder of the machine and GitHub are the registries, outside the folder alone', () => {
  const local = { kind: 'dir', path: '/home/runner/.cache/swarmcache-peers' }
  assert.deepEqual(load(JOB).registries, [local, { kind: 'github' }])
  assert.deepEqual(load({ HOME: '/home/runner' }).registries, [local])
  const chosen = load({ ...JOB, SWARMCACHE_REGISTRY: ' github: , dir:/mnt/peers' }).registries
  assert.deepEqual(chosen, [{ kind: 'github' }, { kind: 'dir', path: '/mnt/peers' }])
  assert.deepEqual(load({ ...JOB, SWARMCACHE_REGISTRY: 'dir:/mnt/peers' }).registries, [
    { kind: 'dir', path: '/mnt/peers' },
  ])
  assert.throws(() => load({ ...JOB, SWARMCACHE_REGISTRY: 'github:octo/app' }), {
    code: 'ERR_INPUT',
    message: /dir:PATH and github:/,
  })
})

test('GitHub is reached as the job says, by the protocol that its client takes', () => {
  const { github } = load({ ...JOB, GITHUB_TOKEN: 'ghs_1' })
  assert.deepEqual(github, {
    apiUrl: 'https://api.github.com',
    repository: 'Octo/App',
    token: 'ghs_1',
    cacheService: {
      url: 'https://results.example/',
      token: 'the token of the job',
      protocol: 'v2',
    },
  })
  const server = {
    ...JOB,
    GITHUB_SERVER_URL: 'https://ghes.example',
    GITHUB_API_URL: 'https://ghes.example/api/v3/',
  }
  assert.equal(load(server).github.apiUrl, 'https://ghes.example/api/v3')
  assert.deepEqual(load(server).github.cacheService, {
    url: 'https://cache.example/',
    token: 'the token of the job',
    protocol: 'v1',
  })
})

test('without the tokens of a job there is nothing to reach GitHub with', () => {
  for (const missing of ['ACTIONS_RUNTIME_TOKEN', 'ACTIONS_RESULTS_URL']) {
    const { github } = load({ ...JOB, [missing]: '' })
    assert.equal(github.cacheService, undefined, missing)
    assert.equal(github.token, undefined)
  }
  const rubbish = load({ ...JOB, ACTIONS_RESULTS_URL: 'no url' }).github
  assert.equal(rubbish.cacheService, undefined)
})
