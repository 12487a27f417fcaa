import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planMembership } from '../../../src/core/membership.ts'
import type { AuthPolicy, MembershipPlan } from '../../../src/core/membership.ts'

type Case = readonly [
  policy: AuthPolicy | undefined,
  hasKey: boolean,
  hasToken: boolean,
  proof: MembershipPlan['proof'],
  requiresToken: boolean,
]

const CASES: readonly Case[] = [
  [undefined, false, false, 'none', false],
  [undefined, true, false, 'key', false],
  [undefined, false, true, 'oidc', true],
  [undefined, true, true, 'both', false],
  ['key', false, false, 'none', false],
  ['key', true, false, 'key', false],
  ['key', false, true, 'none', false],
  ['key', true, true, 'key', false],
  ['oidc', false, false, 'none', false],
  ['oidc', true, false, 'none', false],
  ['oidc', false, true, 'oidc', true],
  ['oidc', true, true, 'oidc', true],
  ['both', false, false, 'none', false],
  ['both', true, false, 'none', false],
  ['both', false, true, 'none', false],
  ['both', true, true, 'both', true],
]

for (const [policy, hasKey, hasToken, proof, requiresToken] of CASES) {
  const have = [hasKey ? 'a key' : '', hasToken ? 'a token' : ''].filter(Boolean).join(' and ')
  test(`policy ${policy ?? 'not set'} with ${have || 'nothing'} is ${proof}`, () => {
    const plan = planMembership({ policy, hasKey, hasToken, insideActions: true })
    assert.equal(plan.proof, proof)
    assert.equal(plan.requiresToken, requiresToken)
    assert.equal(plan.improvable, proof === 'none' || (policy === undefined && proof === 'key'))
  })
}

test('what would help is told in YAML inside Actions, and as a setting elsewhere', () => {
  const at = { hasKey: false, hasToken: false }
  const inside = planMembership({ ...at, insideActions: true })
  assert.match(inside.reason, /swarm-key/)
  assert.match(inside.reason, /forks get neither/)
  assert.match(inside.reason, /\npermissions:\n {2}id-token: write$/)
  const outside = planMembership({ ...at, insideActions: false })
  assert.doesNotMatch(outside.reason, /permissions/)
  assert.match(outside.reason, /SWARMCACHE_OIDC_TOKEN_FILE/)
  const withKey = planMembership({ hasKey: true, hasToken: false, insideActions: true })
  assert.match(withKey.reason, /swarm key\.[^]*\npermissions:\n {2}id-token: write$/)
})
