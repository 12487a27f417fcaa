import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { describeTree } from '../../support/file-tree.ts'
import { Fleet, FLEET_REPOSITORY } from '../../support/fleet.ts'
import type { Machine } from '../../support/fleet.ts'
import { TestIssuer } from '../../support/issuer.ts'

const options = { timeout: 100_000 }
const CLAIMS = { repository: FLEET_REPOSITORY }

/** The environment of a job that has no secret, with the permission `id-token: write`. */
function jobOf(
  issuer: TestIssuer,
  claims: Readonly<Record<string, string>> = CLAIMS,
): Record<string, string> {
  const { url, secret } = issuer.job(claims)
  return {
    SWARMCACHE_KEY: '',
    SWARMCACHE_OIDC_ISSUER: issuer.url,
    GITHUB_ACTIONS: 'true',
    GITHUB_REF: 'refs/heads/main',
    GITHUB_EVENT_NAME: 'push',
    ACTIONS_ID_TOKEN_REQUEST_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret,
  }
}

function writeTree(machine: Machine): void {
  mkdirSync(machine.path('tree'))
  writeFileSync(machine.path('tree', 'one'), 'one\n'.repeat(1000))
}

test(
  'jobs without a secret share what they save by their ID tokens, and the others see who they are',
  options,
  async (t) => {
    const issuer = await TestIssuer.start(t)
    const fleet = new Fleet(t)
    const first = fleet.machine('first', jobOf(issuer))
    const node = await first.serve()
    writeTree(first)
    assert.equal((await first.save('deps-1', 'tree')).saved, true)

    const second = fleet.machine('second', jobOf(issuer))
    await second.serve()
    const restored = await second.run('restore', '--json', '--key', 'deps-1', 'tree')
    assert.match(restored.stdout, /"hit":"exact"/, restored.stderr)
    assert.doesNotMatch(restored.stderr, /notice|warning/)
    assert.deepEqual(describeTree(second.path('tree')), describeTree(first.path('tree')))
    const [peer] = await second.peers()
    assert.equal(peer?.attestation?.repository, FLEET_REPOSITORY)
    assert.equal(peer?.attestation?.ref, 'refs/heads/main')
    const { membership } = await second.ask<{ membership: { proof: string } }>('status')
    assert.equal(membership.proof, 'oidc')

    const outsider = fleet.machine('outsider', {
      ...jobOf(issuer, { repository: FLEET_REPOSITORY, repository_id: '666' }),
      SWARMCACHE_BOOTSTRAP: node.addresses.join(),
    })
    assert.equal((await outsider.restore('deps-1', 'tree')).hit, 'miss')
    node.child.kill('SIGTERM')
    const { stderr } = await node.done
    assert.match(stderr, /A connection was refused\..*another repository/)
    assert.doesNotMatch(stderr, /eyJ/)
  },
)

test('a node outside a job takes part by a token in a file', options, async (t) => {
  const issuer = await TestIssuer.start(t)
  const fleet = new Fleet(t)
  const seeder = fleet.machine('seeder', {
    SWARMCACHE_KEY: '',
    SWARMCACHE_OIDC_ISSUER: issuer.url,
    SWARMCACHE_OIDC_TOKEN_FILE: 'token',
  })
  // Its peer id, which the token must name, is told while there is none yet.
  const about = await seeder.serve('--role', 'seeder')
  about.child.kill('SIGTERM')
  const told = (await about.done).stderr
  assert.match(told, /cannot be read \(ENOENT\).*No peers take part/)
  writeFileSync(seeder.path('token'), await issuer.token(about.peerId, { claims: CLAIMS }))
  const node = await seeder.serve('--role', 'seeder')
  assert.equal(node.peerId, about.peerId)

  const job = fleet.machine('job', jobOf(issuer))
  await job.serve()
  const [peer] = await job.meets(1)
  assert.equal(peer?.peerId, node.peerId)
})

test(
  'a token that cannot be had leaves the job with its own store and one warning',
  options,
  async (t) => {
    const issuer = await TestIssuer.start(t)
    const fleet = new Fleet(t)
    const job = fleet.machine('job', jobOf(issuer, { repository: 'octo/other' }))
    const missed = await job.run('restore', '--json', '--key', 'deps-1', 'tree')
    assert.equal(missed.code, 0, missed.stderr)
    const warnings = missed.stderr.split('\n').filter((line) => line.startsWith('warning'))
    assert.equal(warnings.length, 1, missed.stderr)
    assert.match(warnings[0]!, /one of octo\/other, not of octo\/fleet.*No peers take part/)
  },
)

test(
  'a pull request from a fork, with neither secret nor token, works alone and gets one notice',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const job = fleet.machine('fork', {
      SWARMCACHE_KEY: '',
      GITHUB_ACTIONS: 'true',
      GITHUB_REF: 'refs/pull/7/merge',
      GITHUB_EVENT_NAME: 'pull_request',
    })
    const missed = await job.run('restore', '--json', '--key', 'deps-1', 'tree')
    assert.equal(missed.code, 0, missed.stderr)
    assert.match(missed.stdout, /"hit":"miss"/)
    assert.equal(missed.stderr.match(/notice/g)?.length, 1, missed.stderr)
    assert.match(missed.stderr, /forks get neither[^]*\npermissions:\n {2}id-token: write\n/)
    assert.doesNotMatch(missed.stderr, /warning|error/)
  },
)
