import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { VERSION } from '../../../src/core/version.ts'

test('the version that programs report is the one of the package', async () => {
  const text = await readFile(new URL('../../../package.json', import.meta.url), 'utf8')
  assert.equal(VERSION, (JSON.parse(text) as { version: string }).version)
})
