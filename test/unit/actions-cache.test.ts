import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as stock from '@actions/cache'
import * as dropIn from '../../src/actions-cache.ts'
import { temporaryFolder } from '../support/file-tree.ts'

const NAMES = ['restoreCache', 'saveCache', 'isFeatureAvailable'] as const
type Functions<T extends Record<(typeof NAMES)[number], unknown>> = Pick<T, (typeof NAMES)[number]>

test('each function of @actions/cache can be replaced by ours, and ours by it', () => {
  // The compiler checks parameters and results; what is left to see is how many may be passed.
  const ours = dropIn satisfies Functions<typeof stock>
  const theirs = stock satisfies Functions<typeof dropIn>
  for (const name of NAMES) assert.equal(ours[name].length, theirs[name].length, name)
})

test('a bad key or path is a ValidationError, as callers of @actions/cache expect', async (t) => {
  process.env['SWARMCACHE_HOME'] = temporaryFolder(t)
  for (const call of [
    async () => await dropIn.restoreCache(['tree'], 'a,b'),
    async () => await dropIn.restoreCache([], 'a'),
    async () => await dropIn.saveCache(['tree'], ''),
  ]) {
    await assert.rejects(call, (error) => error instanceof dropIn.ValidationError)
  }
})
