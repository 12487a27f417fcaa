import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ClientTranscript } from '../../../src/store/actions-cache-output.ts'

test('commands are decoded, other lines are information', () => {
  const transcript = new ClientTranscript('lookup')
  const lines = transcript.read('::debug::50%25 of a%0Ab\n::warning file=x::beware\nplain\n')
  assert.deepEqual(lines, [
    { level: 'debug', text: '50% of a\nb' },
    { level: 'warning', text: 'beware' },
    { level: 'info', text: 'plain' },
  ])
  assert.deepEqual(transcript.warnings, ['beware'])
})

test('given and masked secrets and signatures are in no line', () => {
  const transcript = new ClientTranscript('save', ['the-job-token'])
  const lines = transcript.read(
    '::add-mask::masked-value\n::debug::{"url":"http://a/?x=1&sig=abc%2525d"} the-job-token masked-value\n',
  )
  assert.deepEqual(lines, [{ level: 'debug', text: '{"url":"http://a/?x=1&sig=***"} *** ***' }])
})

test('a line of tar that comes in pieces is one line, also before a command', () => {
  const transcript = new ClientTranscript('restore')
  transcript.read('::debug::Archive path: /tmp/x/cache.tzst\nCache Size: ~1 MB (1000345 B)\n')
  assert.equal(transcript.phase, 'extract')
  assert.deepEqual(transcript.read('tar: '), [])
  assert.deepEqual(transcript.read('cannot open\ntar: Exit'), [
    { level: 'info', text: 'tar: cannot open' },
  ])
  assert.deepEqual(transcript.read('::debug::next\n'), [
    { level: 'info', text: 'tar: Exit' },
    { level: 'debug', text: 'next' },
  ])
  assert.deepEqual(transcript.toolLines, ['tar: cannot open', 'tar: Exit'])
})

test('phases, bytes and the archive follow what the client prints', () => {
  const restore = new ClientTranscript('restore')
  assert.equal(restore.phase, 'ask')
  restore.read('::debug::Archive Path: /tmp/x/cache.tgz\n')
  assert.deepEqual([restore.phase, restore.archivePath], ['download', '/tmp/x/cache.tgz'])
  restore.read('Received 4194304 of 8388608 (50.0%), 4.0 MBs/sec\n')
  assert.equal(restore.bytes, 4_194_304)
  const save = new ClientTranscript('save')
  assert.equal(save.phase, 'pack')
  save.read('::debug::Reserving Cache\n')
  assert.equal(save.phase, 'ask')
  save.read(
    '::debug::Attempting to upload cache located at: /tmp/x/cache.tzst\nSent 7 of 9 (77%)\n',
  )
  assert.deepEqual([save.phase, save.bytes], ['upload', 7])
})

test('what goes wrong again and again is remembered in bounds', () => {
  const transcript = new ClientTranscript('restore')
  for (let attempt = 1; attempt <= 50; attempt += 1) {
    transcript.read(`Attempt ${attempt} of 50 failed with error: no. Retrying request in 3 ms...\n`)
  }
  assert.equal(transcript.troubles.length, 8)
  assert.match(transcript.troubles.at(-1) ?? '', /^Attempt 50 /)
})
