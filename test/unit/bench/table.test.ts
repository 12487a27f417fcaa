import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatTable } from '../../bench/lab/table.ts'

test('the table shows medians, ratios, goals, what was reached, and why a row is missing', () => {
  const table = formatTable([
    {
      what: 'restore',
      unit: 's',
      samples: [1, 1.5, 1.2],
      baseline: { what: 'stock client', samples: [3] },
      goal: { kind: 'times-as-fast', atLeast: 2 },
      note: '10 files',
    },
    { what: 'bulk', unit: 'MiB/s', samples: [500], baseline: { what: 'TLS', samples: [1000] } },
    {
      what: 'miss',
      unit: 'ms',
      samples: [35],
      baseline: { what: 'upstream', samples: [10] },
      goal: { kind: 'more-than', atMost: 20 },
    },
    { what: 'crowd', skipped: 'not root' },
  ])
  assert.deepEqual(table.split('\n'), [
    'what     measured                 baseline          ratio   goal',
    '-------  -----------------------  ----------------  ------  -------------  -----------------',
    'restore  1.20 s (1 to 1.50, n=3)  3 s stock client  2.50x   >= 2x as fast  reached; 10 files',
    'bulk     500 MiB/s                1000 MiB/s TLS',
    'miss     35 ms                    10 ms upstream    +25 ms  <= +20 ms      MISSED',
    'crowd    skipped: not root',
  ])
})
