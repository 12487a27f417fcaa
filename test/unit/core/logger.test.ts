import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '../../../src/core/logger.ts'

function logged(message: string, fields?: Readonly<Record<string, unknown>>): string {
  const lines: string[] = []
  createLogger((_, line) => lines.push(line)).log('notice', message, fields)
  return lines.join('|')
}

test('a name with control characters is shown by their numbers and moves no cursor', () => {
  assert.equal(
    logged('An entry "\u001b[2Jx\r\u0000\u009b\u2028" exists.'),
    'An entry "\\u001b[2Jx\\u000d\\u0000\\u009b\\u2028" exists.',
  )
  assert.equal(logged('Refused.', { reason: '\u0007' }), 'Refused. reason=\\u0007')
})

test('a name that holds a workflow command does not start a line with it', () => {
  for (const command of ['::set-output name=a::b', '##[error]x', ' \t::stop-commands::x']) {
    const line = logged(`An entry "a\n${command}" exists.`)
    assert.doesNotMatch(line, /^\s*::|##\[/m)
    assert.match(line, /set-output|error|stop-commands/)
  }
})

test('lines of a message of ours stay lines', () => {
  assert.equal(
    logged('Add:\npermissions:\n  id-token: write'),
    'Add:\npermissions:\n  id-token: write',
  )
})
