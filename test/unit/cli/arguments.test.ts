import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArguments } from '../../../src/cli/arguments.ts'
import type { Command } from '../../../src/cli/command.ts'

const command: Command = {
  flags: {
    key: { value: 'K', help: '' },
    'restore-key': { value: 'P', many: true, help: '' },
    'lookup-only': { help: '' },
  },
  takesPaths: true,
  run: async () => 0,
}
const withoutPaths: Command = { ...command, takesPaths: false }

test('flags, switches and paths are told apart wherever they stand', () => {
  const parsed = parseArguments(command, [
    'a',
    '--restore-key',
    'x',
    '--key=k',
    '!b',
    '--lookup-only',
    '--restore-key=y',
    '--',
    '--c',
  ])
  assert.deepEqual(parsed.values, { key: 'k' })
  assert.deepEqual(parsed.lists, { 'restore-key': ['x', 'y'] })
  assert.deepEqual([...parsed.switches], ['lookup-only'])
  assert.deepEqual(parsed.paths, ['a', '!b', '--c'])
})

test('a value that is empty is kept, so that the key check sees it', () => {
  assert.equal(parseArguments(command, ['--key', '', 'a']).values['key'], '')
})

test('every command has the settings as flags', () => {
  const parsed = parseArguments(withoutPaths, ['--home', '/h', '--listen', 'a', '--listen', 'b'])
  assert.equal(parsed.values['home'], '/h')
  assert.deepEqual(parsed.lists['listen'], ['a', 'b'])
})

test('--help and -h need no paths', () => {
  for (const flag of ['--help', '-h']) {
    assert.deepEqual([...parseArguments(command, [flag]).switches], ['help'])
  }
})

const BAD: readonly [what: string, args: string[], message: RegExp][] = [
  ['an unknown flag', ['--bogus', 'a'], /^Unknown option '--bogus'\.$/],
  ['an unknown short flag', ['-x', 'a'], /^Unknown option '-x'\.$/],
  ['a flag without its value', ['a', '--key'], /--key.*argument missing\.$/],
  ['a flag in place of a value', ['a', '--key', '--lookup-only'], /--key.*ambiguous\.$/],
  [
    'a value for a switch',
    ['a', '--lookup-only=yes'],
    /--lookup-only.*does not take an argument\.$/,
  ],
  ['a flag given twice', ['--key', 'a', '--key', 'b', 'c'], /--key is given 2 times/],
  ['no path', ['--key', 'a'], /^No path is given\./],
  ['an empty path', ['--key', 'a', ''], /^A path is empty\./],
]

for (const [what, args, message] of BAD) {
  test(`${what} is refused in one sentence`, () => {
    assert.throws(() => parseArguments(command, args), { code: 'ERR_INPUT', message })
  })
}

test('a path where none is expected is refused', () => {
  assert.throws(() => parseArguments(withoutPaths, ['extra']), {
    code: 'ERR_INPUT',
    message: /"extra" is not expected/,
  })
})
