import assert from 'node:assert/strict'
import { chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { runCommand, startCommand } from '../../support/command-run.ts'
import type { CommandContext, CommandResult } from '../../support/command-run.ts'

const NOBODY = 65534
const LOOPBACK = '/ip4/127.0.0.1/tcp/0'

const BAD: readonly [what: string, args: string[], message: RegExp][] = [
  ['no command', [], /Usage: swarmcache COMMAND/],
  ['an unknown command', ['fetch'], /There is no command "fetch"/],
  ['a name that every object has', ['constructor'], /There is no command "constructor"/],
  ['an unknown flag', ['restore', '--bogus', 'tree'], /Unknown option '--bogus'/],
  ['a flag without its value', ['restore', 'tree', '--key'], /--key.*argument missing/],
  ['no key', ['save', 'tree'], /No key is given/],
  ['an empty key', ['save', '--key', '', 'tree'], /cache key is empty/],
  ['a key with a comma', ['save', '--key', 'a,b', 'tree'], /"a,b" contains a comma/],
  ['a key that is too long', ['save', '--key', 'k'.repeat(513), 'tree'], /513 characters/],
  ['no path', ['restore', '--key', 'a'], /No path is given/],
  ['an argument too many', ['status', 'now'], /"now" is not expected/],
  ['a malformed multiaddr', ['serve', '--listen', '1.2.3.4:5'], /"1\.2\.3\.4:5".*not a multiaddr/],
  ['a bootstrap without its id', ['serve', '--bootstrap', '/ip4/1.2.3.4/tcp/5'], /BOOTSTRAP/],
  ['a bad size', ['status', '--disk-limit', '10XB'], /DISK_LIMIT is "10XB"/],
  ['a bad role', ['serve', '--role', 'boss'], /"boss".*seeder, runner or reader/],
  ['an unknown registry', ['serve', '--registry', 'ftp:x'], /"ftp:x"/],
  ['a bad ref', ['status', '--ref', 'main'], /"main".*not a full ref/],
  ['a bad repository', ['status', '--repository', 'cache'], /"cache".*not owner\/name/],
]

for (const [what, args, message] of BAD) {
  test(`${what} is wrong usage: exit 2, a message that names it, nothing on stdout`, async (t) => {
    const result = await runCommand(args, await makeContext(t))
    assert.equal(result.code, 2, result.stderr)
    assert.match(result.stderr, message)
    assert.equal(result.stdout, '')
    assertNoStack(result)
  })
}

test('a swarm key that is a GITHUB_TOKEN is refused with the reason, without printing it', async (t) => {
  const context = await makeContext(t, { SWARMCACHE_KEY: `ghs_${'x'.repeat(36)}` })
  const result = await runCommand(['serve'], context)
  assert.equal(result.code, 2, result.stderr)
  assert.match(result.stderr, /GITHUB_TOKEN/)
  assert.doesNotMatch(result.stderr, /xxxx/)
  assertNoStack(result)
})

test('a path that does not exist cannot be saved: exit 1, the path is named', async (t) => {
  const result = await runCommand(['save', '--key', 'a', 'nowhere'], await makeContext(t))
  assert.equal(result.code, 1, result.stderr)
  assert.match(result.stderr, /nowhere/)
  assertNoStack(result)
})

test('a folder that cannot be read cannot be saved: exit 1, the folder is named', async (t) => {
  const { cwd, env } = await makeContext(t)
  await mkdir(join(cwd, 'closed'))
  await chmod(join(cwd, 'closed'), 0)
  // The superuser reads everything, so this runs as somebody else.
  const uid = process.getuid?.() === 0 ? NOBODY : undefined
  if (uid !== undefined) for (const path of [env['HOME']!, cwd]) await chown(path, uid, uid)
  const context = { cwd, env, uid }
  const result = await runCommand(['save', '--key', 'a', 'closed'], context)
  assert.equal(result.code, 1, result.stderr)
  assert.match(result.stderr, /closed/)
  assertNoStack(result)
})

test('a home that is a file is told, and a restore is a miss all the same', async (t) => {
  const context = await makeContext(t)
  await writeFile(join(context.cwd, 'file'), '')
  const args = ['restore', '--home', 'file', '--key', 'a', '--json', 'tree']
  const result = await runCommand(args, context)
  assert.equal(result.code, 0, result.stderr)
  assert.equal(parseOnly(result)['hit'], 'miss')
  assert.match(result.stderr, /warning: .*file/)
  assertNoStack(result)
})

test('with --json every outcome is exactly one object on stdout', async (t) => {
  const context = await makeContext(t)
  await writeTree(context)
  const failed = parseOnly(await runCommand(['save', '--json', '--key', 'a,b', 'tree'], context))
  assert.equal((failed['error'] as Record<string, unknown>)['code'], 'ERR_INPUT')

  const saved = await runCommand(['save', '--json', '--key', 'npm-1', 'tree'], context)
  assert.equal(saved.code, 0, saved.stderr)
  const { digest, milliseconds, bytes, chunks, ...rest } = parseOnly(saved)
  assert.deepEqual(rest, { saved: true, key: 'npm-1', scope: 'refs/heads/main', files: 2 })
  assert.match(String(digest), /^[0-9a-f]{64}$/)
  assert.equal(typeof milliseconds, 'number')
  assert.deepEqual(Object.keys(bytes as object).toSorted(), ['content', 'new', 'stored'])
  assert.deepEqual(Object.keys(chunks as object).toSorted(), ['new', 'total'])

  const again = parseOnly(await runCommand(['save', '--json', '--key', 'npm-1', 'tree'], context))
  assert.equal(again['saved'], false)
  assert.equal(typeof again['reason'], 'string')

  await rm(join(context.cwd, 'tree'), { recursive: true })
  const args = ['restore', '--json', '--key', 'npm-2', '--restore-key', 'x-', 'tree']
  const counts = ['key', 'files', 'skipped', 'bytes', 'peers', 'milliseconds', 'hit']
  const miss = parseOnly(await runCommand(args, context))
  assert.equal(miss['hit'], 'miss')
  assert.deepEqual(Object.keys(miss).toSorted(), counts.toSorted())
  const hit = parseOnly(
    await runCommand([...args.slice(0, -1), '--restore-key', 'npm-', 'tree'], context),
  )
  assert.equal(hit['hit'], 'prefix')
  assert.equal(hit['matchedKey'], 'npm-1')
  assert.deepEqual(Object.keys(hit).toSorted(), [...counts, 'matchedKey', 'scope'].toSorted())
  assert.equal(hit['files'], 2)
  const { disk, memory, ...elsewhere } = hit['bytes'] as Record<string, number>
  assert.ok(disk! + memory! > 70_000)
  assert.deepEqual(elsewhere, { shared: 0, peers: 0, upstream: 0 })
  assert.equal(await readFile(join(context.cwd, 'tree/a'), 'utf8'), 'first')

  const entries = parseOnly(await runCommand(['entries', '--json'], context))
  assert.deepEqual(
    (entries['entries'] as { key: string }[]).map(({ key }) => key),
    ['npm-1'],
  )
  const status = parseOnly(await runCommand(['status', '--verify', '--json'], context))
  assert.equal(status['running'], false)
  assert.deepEqual((status['verify'] as { problems: unknown[] }).problems, [])
  assert.deepEqual(parseOnly(await runCommand(['--version', '--json'], context)), {
    version: '0.1.0',
  })
})

test('a miss is no failure, unless --fail-on-miss says so', async (t) => {
  const context = await makeContext(t)
  const restore = ['restore', '--key', 'a', 'tree']
  const missed = await runCommand(restore, context)
  assert.equal(missed.code, 0, missed.stderr)
  assert.equal(missed.stdout, 'Not found: a\n')
  assert.equal((await runCommand([...restore, '--fail-on-miss'], context)).code, 1)
})

test('--lookup-only finds an entry and writes nothing', async (t) => {
  const context = await makeContext(t)
  await writeTree(context)
  await runCommand(['save', '--key', 'npm-1', 'tree'], context)
  await rm(join(context.cwd, 'tree'), { recursive: true })
  const found = await runCommand(['restore', '--key', 'npm-1', '--lookup-only', 'tree'], context)
  assert.equal(found.stdout, 'Found: npm-1\n')
  await assert.rejects(readFile(join(context.cwd, 'tree/a')), { code: 'ENOENT' })
})

test('every command explains itself', async (t) => {
  const context = await makeContext(t)
  const general = await runCommand(['--help'], context)
  assert.equal(general.code, 0)
  const names = [...general.stdout.matchAll(/^ {2}(\w+) /gm)].map((match) => match[1]!)
  assert.ok(names.length >= 7, general.stdout)
  for (const name of names) {
    const help = await runCommand([name, '--help'], context)
    assert.equal(help.code, 0, help.stderr)
    assert.match(help.stdout, new RegExp(`^Usage: swarmcache ${name}\\b[\\s\\S]*--home FOLDER`))
  }
})

test('serve says ready with its addresses, is used by other commands, and drains when asked', async (t) => {
  const context = await makeContext(t, { SWARMCACHE_KEY: 'a swarm key of the tests' })
  const served = startCommand(['serve', '--json', '--listen', LOOPBACK], context)
  t.after(() => served.child.kill('SIGKILL'))
  const ready = JSON.parse(await served.firstLine) as Record<string, unknown>
  assert.equal(ready['state'], 'ready')
  assert.match(String((ready['addresses'] as string[])[0]), /^\/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\//)

  const status = parseOnly(await runCommand(['status', '--json'], context))
  assert.equal(status['running'], true)
  assert.equal(status['pid'], served.child.pid)
  const second = await runCommand(['serve'], context)
  assert.equal(second.code, 1, second.stderr)
  assert.match(second.stderr, /^error: /m)
  assertNoStack(second)

  await writeTree(context)
  const saved = await runCommand(['save', '--key', 'npm-1', 'tree'], context)
  assert.equal(saved.code, 0, saved.stderr)
  served.child.kill('SIGTERM')
  const ended = await served.done
  assert.equal(ended.code, 0, ended.stderr)
  assert.equal(ended.stdout.trimEnd().split('\n').length, 1)
  assert.doesNotMatch(ended.stderr, /Warning/)
})

test('without --json serve prints one line: ready and its addresses', async (t) => {
  const context = await makeContext(t, { SWARMCACHE_KEY: 'a swarm key of the tests' })
  const served = startCommand(['serve', '--listen', LOOPBACK], context)
  t.after(() => served.child.kill('SIGKILL'))
  assert.match(await served.firstLine, /^ready( \/ip4\/127\.0\.0\.1\/tcp\/\d+\/p2p\/\w+)+$/)
  served.child.kill('SIGINT')
  assert.equal((await served.done).code, 0)
})

/** A folder to work in, and a home and a registry of its own. */
async function makeContext(
  t: TestContext,
  env: Record<string, string> = {},
): Promise<CommandContext> {
  const folder = await mkdtemp(join(tmpdir(), 'swarmcache-cli-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))
  const cwd = join(folder, 'work')
  await mkdir(cwd)
  return { cwd, env: { HOME: folder, ...env } }
}

async function writeTree({ cwd }: CommandContext): Promise<void> {
  await mkdir(join(cwd, 'tree'), { recursive: true })
  await writeFile(join(cwd, 'tree/a'), 'first')
  await writeFile(join(cwd, 'tree/b'), 'second\n'.repeat(10_000))
}

function parseOnly({ stdout, stderr }: CommandResult): Record<string, unknown> {
  assert.match(stdout, /^\{.*\}\n$/, stderr)
  return JSON.parse(stdout) as Record<string, unknown>
}

function assertNoStack({ stderr }: CommandResult): void {
  assert.doesNotMatch(stderr, /^\s+at .*:\d+/m)
}
