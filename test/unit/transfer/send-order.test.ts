import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendOrder } from '../../../src/transfer/send-order.ts'

const wishes = ['a', 'b', 'c'].map((digest, id) => ({ id, digest }))
const reader = (peerId: string, isSpared = true) => ({ peerId, isSpared })

test('a reader alone gets what it wants in the order asked', () => {
  const order = new SendOrder(() => 0)
  const alone = reader('x')
  order.add(alone)
  order.began('a')
  assert.deepEqual(order.choose(alone, wishes), { wanted: wishes[0] })
})

test('of several readers each first gets what nobody was sent', () => {
  const order = new SendOrder(() => 0)
  const [x, y] = [reader('x'), reader('y')]
  order.add(x)
  order.add(y)
  assert.deepEqual(order.choose(x, wishes), { wanted: wishes[0] })
  order.began('a')
  assert.deepEqual(order.choose(y, wishes), { wanted: wishes[1] })
})

test('what went to one is kept back from the others for a while, and then sent least often first', () => {
  let now = 0
  const order = new SendOrder(() => now)
  const [x, y] = [reader('x'), reader('y')]
  order.add(x)
  order.add(y)
  for (const digest of ['a', 'a', 'b', 'c', 'c']) order.began(digest)
  const choice = order.choose(y, wishes)
  assert.ok('waitMs' in choice && choice.waitMs > 0)
  now += choice.waitMs
  assert.deepEqual(order.choose(y, wishes), { wanted: wishes[1] })
})

test('the longer a crowd takes to pass chunks on, the longer they are kept back, within reason', () => {
  let now = 0
  const order = new SendOrder(() => now)
  const [x, y] = [reader('x'), reader('y')]
  order.add(x)
  order.add(y)
  const waits = [10, 300, 60_000].map((relayMs) => {
    for (let i = 0; i < 100; i += 1) {
      order.began(`${relayMs} ${i}`)
      now += relayMs
      order.withdrawn(`${relayMs} ${i}`)
    }
    order.began('a')
    const choice = order.choose(y, wishes.slice(0, 1))
    assert.ok('waitMs' in choice)
    return choice.waitMs
  })
  assert.ok(waits[0]! < 300 && waits[1]! > 500 && waits[2]! <= 1500, waits.join(', '))
})

test('nothing is kept back by one that holds a part, or from one that wants little', () => {
  const order = new SendOrder(() => 0)
  const [x, y] = [reader('x', false), reader('y', false)]
  order.add(x)
  order.add(y)
  for (const digest of ['a', 'b', 'c']) order.began(digest)
  assert.deepEqual(order.choose(y, wishes), { wanted: wishes[0] })
})
