import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TransferLine } from '../../../src/core/transfer-line.ts'

test('a line tells bytes, share, rate over the last seconds and peers', () => {
  const line = new TransferLine()
  const state = { phase: 'transfer', totalBytes: 100_000_000, peers: 2 } as const
  assert.equal(line.describe({ ...state, bytes: 0 }, 0), 'Moved 0 B of 100 MB (0%), 2 peers')
  assert.equal(
    line.describe({ ...state, bytes: 10_000_000 }, 1000),
    'Moved 10.0 MB of 100 MB (10%), 10.0 MB/s, 2 peers',
  )
  // What happened before the window no longer counts.
  line.describe({ ...state, bytes: 50_000_000 }, 5000)
  assert.equal(
    line.describe({ ...state, bytes: 90_000_000, peers: 1 }, 9000),
    'Moved 90.0 MB of 100 MB (90%), 10.0 MB/s, 1 peer',
  )
})

test('the first line has a rate, too, from what was noted before it', () => {
  const line = new TransferLine()
  const state = { phase: 'transfer', peers: 1 } as const
  for (let step = 0; step <= 300; step += 1) {
    line.note({ ...state, bytes: step * 10_000 }, step * 10)
  }
  assert.equal(
    line.describe({ ...state, bytes: 3_000_000 }, 3000),
    'Moved 3.0 MB, 1.0 MB/s, 1 peer',
  )
})

test('another phase starts its rate anew', () => {
  const line = new TransferLine()
  line.describe({ phase: 'transfer', bytes: 90_000_000, peers: 1 }, 1000)
  assert.equal(line.describe({ phase: 'upstream', bytes: 0, peers: 0 }, 2000), 'Upstream 0 B')
})
