import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DialBudget } from '../../../src/swarm/dial-budget.ts'
import type { DialBudgetOptions } from '../../../src/swarm/dial-budget.ts'

function budgetOf(options: DialBudgetOptions) {
  const clock = { ms: 0 }
  const budget = new DialBudget(options, () => clock.ms)
  const dials = (host: string, count: number): number => {
    let allowed = 0
    for (let port = 1; port <= count; port += 1) {
      if (budget.spend(`/ip4/${host}/tcp/${port}`)) allowed += 1
    }
    return allowed
  }
  return { clock, budget, dials }
}

test('dials that lead nowhere at one host are bounded, whatever the port, and others go on', () => {
  const { dials } = budgetOf({ hostBurst: 5, burst: 100 })
  assert.equal(dials('192.0.2.1', 50), 5)
  assert.equal(dials('192.0.2.2', 50), 5)
})

test('dials to ever new hosts are bounded, too', () => {
  const { dials } = budgetOf({ hostBurst: 5, burst: 20 })
  let allowed = 0
  for (let host = 0; host < 200; host += 1) allowed += dials(`10.0.0.${host}`, 1)
  assert.equal(allowed, 20)
})

test('a dial that a member answers costs nothing', () => {
  const { budget } = budgetOf({ hostBurst: 2, burst: 4 })
  const address = '/ip4/192.0.2.1/tcp/1'
  for (let i = 0; i < 100; i += 1) {
    assert.equal(budget.spend(address), true)
    budget.refund(address)
  }
})

test('with time more may be dialled, but never more in a row than at first', () => {
  const { clock, dials } = budgetOf({ hostBurst: 4, hostPerSecond: 1, burst: 100 })
  assert.equal(dials('192.0.2.1', 10), 4)
  clock.ms = 2000
  assert.equal(dials('192.0.2.1', 10), 2)
  clock.ms = 1_000_000
  assert.equal(dials('192.0.2.1', 10), 4)
})
