import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasRef, readInputs, settingsEnvironment } from '../../../src/action/inputs.ts'

const REQUIRED = { INPUT_PATH: 'node_modules', INPUT_KEY: 'npm-1' }

test('inputs left at their defaults mean a restore now and a save at the end', () => {
  assert.deepEqual(readInputs(REQUIRED), {
    mode: 'cache',
    paths: ['node_modules'],
    key: 'npm-1',
    restoreKeys: [],
    crossOs: false,
    failOnCacheMiss: false,
    lookupOnly: false,
    saveAlways: false,
    jobStatus: '',
  })
})

test('lines are trimmed, empty ones dropped, and a space after an exclamation mark is dropped', () => {
  const inputs = readInputs({
    INPUT_PATH: '  node_modules \n\n! node_modules/.cache\n~/.npm\n',
    INPUT_KEY: ' npm-1 ',
    'INPUT_RESTORE-KEYS': 'npm-\r\n  n\n',
  })
  assert.deepEqual(inputs.paths, ['node_modules', '!node_modules/.cache', '~/.npm'])
  assert.equal(inputs.key, 'npm-1')
  assert.deepEqual(inputs.restoreKeys, ['npm-', 'n'])
})

test('a switch is on for true in any case and off for anything else', () => {
  const lookupOnly = (value: string): boolean =>
    readInputs({ ...REQUIRED, 'INPUT_LOOKUP-ONLY': value }).lookupOnly
  assert.deepEqual(['true', 'TRUE', 'True', 'yes', '1', ''].map(lookupOnly), [
    true,
    true,
    true,
    false,
    false,
    false,
  ])
})

test('the name of an input keeps its case rules: enableCrossOsArchive is read as the runner writes it', () => {
  assert.equal(readInputs({ ...REQUIRED, INPUT_ENABLECROSSOSARCHIVE: 'true' }).crossOs, true)
})

const BAD: readonly [what: string, env: Record<string, string>, message: RegExp][] = [
  ['no key', { INPUT_KEY: ' ' }, /^Input required and not supplied: key$/],
  ['no path', { INPUT_PATH: '' }, /^Input required and not supplied: path$/],
  ['an unknown mode', { INPUT_MODE: 'both' }, /mode is "both".*cache, restore, save, serve/],
  ['a comma in the key', { INPUT_KEY: 'a,b' }, /"a,b" contains a comma/],
  ['a comma in a restore key', { 'INPUT_RESTORE-KEYS': 'a,b' }, /"a,b" contains a comma/],
  ['a key of 513 characters', { INPUT_KEY: 'k'.repeat(513) }, /513 characters/],
  ['ten restore keys', { 'INPUT_RESTORE-KEYS': 'abcdefghij'.split('').join('\n') }, /11 keys/],
]

for (const [what, env, message] of BAD) {
  test(`${what} is refused with a message that names it`, () => {
    assert.throws(() => readInputs({ ...REQUIRED, ...env }), { code: 'ERR_INPUT', message })
  })
}

test('mode serve needs neither path nor key', () => {
  assert.equal(readInputs({ INPUT_MODE: 'serve' }).mode, 'serve')
})

test('an input that is a setting wins over the variable, and an empty one does not', () => {
  const env = settingsEnvironment({
    SWARMCACHE_KEY: 'from the environment',
    SWARMCACHE_UPSTREAM: 'off',
    'INPUT_SWARM-KEY': 'from the input',
    INPUT_UPSTREAM: '',
    INPUT_REGISTRY: 'dir:/a\ndir:/b',
  })
  assert.equal(env['SWARMCACHE_KEY'], 'from the input')
  assert.equal(env['SWARMCACHE_UPSTREAM'], 'off')
  assert.equal(env['SWARMCACHE_REGISTRY'], 'dir:/a,dir:/b')
})

test('a run without a ref is told from one with a ref', () => {
  assert.equal(hasRef({ GITHUB_REF: 'refs/heads/main' }), true)
  assert.equal(hasRef({ GITHUB_REF: '' }), false)
  assert.equal(hasRef({}), false)
})
