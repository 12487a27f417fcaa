import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { glob, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ALONE, Fleet, FLEET_REPOSITORY } from '../../support/fleet.ts'
import type { Machine } from '../../support/fleet.ts'
import { TestIssuer } from '../../support/issuer.ts'

const options = { timeout: 90_000 }
const MAIN = 'refs/heads/main'
const PULL = 'refs/pull/7/merge'

/** The environment of a job without a secret, with the permission `id-token: write`. */
function jobOf(issuer: TestIssuer, event: string, ref: string): Record<string, string> {
  const claims = { repository: FLEET_REPOSITORY, event_name: event, ref, run_id: '42' }
  const { url, secret } = issuer.job(claims)
  return {
    SWARMCACHE_KEY: '',
    SWARMCACHE_DEFAULT_BRANCH: 'main',
    SWARMCACHE_OIDC_ISSUER: issuer.url,
    GITHUB_ACTIONS: 'true',
    GITHUB_REF: ref,
    GITHUB_EVENT_NAME: event,
    GITHUB_RUN_ID: '42',
    ACTIONS_ID_TOKEN_REQUEST_URL: url,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: secret,
  }
}

async function writeTree(machine: Machine): Promise<void> {
  await mkdir(machine.path('tree'), { recursive: true })
  await writeFile(machine.path('tree', 'one'), randomBytes(10_000))
}

interface Logged {
  readonly scope: string
  readonly written: Readonly<Record<string, unknown>>
}

test(
  'a node that serves several jobs lets each write its own scope only, and logs who wrote what',
  options,
  async (t) => {
    const issuer = await TestIssuer.start(t)
    const fleet = new Fleet(t)
    const main = fleet.machine('host', jobOf(issuer, 'push', MAIN))
    const pull = fleet.machine('host', jobOf(issuer, 'pull_request', PULL))
    const posing = fleet.machine('host', {
      ...jobOf(issuer, 'pull_request', PULL),
      GITHUB_EVENT_NAME: 'push',
      SWARMCACHE_REF: MAIN,
    })
    await main.serve()
    await writeTree(main)

    assert.equal((await pull.save('deps-1', 'tree')).saved, true)
    const refused = await posing.save('deps-2', 'tree')
    assert.equal(refused.saved, false)
    assert.match(refused.reason ?? '', /its ID token is one of refs\/pull\/7\/merge/)

    const other = fleet.machine('other', jobOf(issuer, 'push', MAIN))
    const otherPull = fleet.machine('other', jobOf(issuer, 'pull_request', PULL))
    await other.serve()
    await other.meets(1)
    for (const machine of [main, other]) {
      const missed = await machine.restore('deps-1', '--restore-key', 'deps-', 'tree')
      assert.equal(missed.hit, 'miss')
    }
    assert.equal((await otherPull.restore('deps-1', 'tree')).scope, PULL)

    assert.equal((await main.save('deps-1', 'tree')).saved, true)
    assert.equal((await other.restore('deps-1', 'tree')).scope, MAIN)

    const listed = await other.run('entries', '--json', 'deps-1')
    assert.doesNotMatch(listed.stdout, /eyJ/)
    const { entries } = JSON.parse(listed.stdout) as { entries: Logged[] }
    const written = entries.toSorted((a, b) => a.scope.localeCompare(b.scope))
    assert.deepEqual(
      written.map(({ scope, written: { attested, ref, event, runId, actor } }) => {
        return [scope, attested, ref, event, runId, actor]
      }),
      [
        [MAIN, true, MAIN, 'push', '42', 'octocat'],
        [PULL, true, PULL, 'pull_request', '42', 'octocat'],
      ],
    )
    const { stdout } = await other.run('entries', 'deps-1')
    assert.match(stdout, new RegExp(`source +attested by ${issuer.url}`))
    assert.match(stdout, /run +42, attempt 1/)
    assert.match((await other.run('entries', 'nothing')).stdout, /No entry of this key/)
  },
)

test(
  'the grants in the runtime token decide what a job may do, and the token goes nowhere',
  options,
  async (t) => {
    const issuer = await TestIssuer.start(t)
    const fleet = new Fleet(t)
    const job = jobOf(issuer, 'push', MAIN)
    const grant = async (permission: number, scope = MAIN): Promise<string> =>
      await issuer.sign({ ac: JSON.stringify([{ Scope: scope, Permission: permission }]) })
    const forged = (token: string): string => `${token.slice(0, -8)}AAAAAAAA`
    const run = async (token: string, env: Readonly<Record<string, string>> = {}) => {
      const machine = fleet.machine('host', { ...job, ...env, ACTIONS_RUNTIME_TOKEN: token })
      const key = `deps-${randomBytes(4).toString('hex')}`
      const { stdout, stderr } = await machine.run('save', '--json', '--key', key, 'tree')
      assert.doesNotMatch(stdout + stderr, new RegExp(token))
      return { ...(JSON.parse(stdout) as { saved: boolean; scope: string }), stderr }
    }
    const node = fleet.machine('host', { ...job, SWARMCACHE_UPSTREAM: 'off' })
    const serving = await node.serve()
    await writeTree(node)
    const off = { SWARMCACHE_UPSTREAM: 'off' }

    const readOnly = await grant(1)
    const kept = await run(readOnly, off)
    assert.equal(kept.saved, false)
    assert.match(
      kept.stderr,
      /notice: Nothing is saved\. The cache service lets this job only read/,
    )
    const full = await grant(3)
    assert.equal((await run(full, off)).saved, true)

    // What the environment does not allow needs GitHub's signature.
    const low = { ...off, ...jobOf(issuer, 'issue_comment', MAIN) }
    const forgedResult = await run(forged(full), low)
    assert.equal(forgedResult.saved, false)
    assert.match(forgedResult.stderr, /By GitHub's rules a run started by issue_comment/)
    const granted = await run(full, {
      ...low,
      SWARMCACHE_AUTH: 'key',
      SWARMCACHE_KEY: 'k'.repeat(32),
    })
    assert.equal(granted.stderr.includes("By GitHub's rules"), false)

    serving.child.kill('SIGTERM')
    const log = (await serving.done).stderr
    for (const token of [readOnly, full]) {
      assert.equal(log.includes(token), false)
      for await (const path of glob('**/*', { cwd: node.home, withFileTypes: true })) {
        if (!path.isFile()) continue
        const content = await readFile(join(path.parentPath, path.name), 'latin1')
        assert.equal(content.includes(token.split('.')[2]!), false, path.name)
      }
    }
  },
)

test('a job that gets no ID token saves by the swarm key alone', options, async (t) => {
  const issuer = await TestIssuer.start(t)
  const job = { ...jobOf(issuer, 'push', MAIN), SWARMCACHE_KEY: 'k'.repeat(32) }
  issuer.downWith = 404
  const machine = new Fleet(t).machine('host', job)
  await writeTree(machine)
  const { stdout, stderr } = await machine.run('save', '--json', '--key', 'deps-1', 'tree')
  assert.equal((JSON.parse(stdout) as { saved: boolean }).saved, true, stderr)
  assert.match(stderr, /warning: "deps-1" is saved without an ID token/)
})

test(
  'a miss says that the key exists under other paths, or in a scope that may not be read',
  options,
  async (t) => {
    const fleet = new Fleet(t)
    const main = fleet.machine('host', ALONE)
    const topic = fleet.machine('host', { ...ALONE, SWARMCACHE_REF: 'refs/heads/topic' })
    await writeTree(main)
    await main.save('deps-1', 'tree')
    await topic.save('deps-2', 'tree')
    for (const [key, path, says] of [
      ['deps-1', 'other', /^notice: An entry "deps-1" exists but was saved with other paths/m],
      [
        'deps-2',
        'tree',
        /^notice: An entry "deps-2" exists but belongs to refs\/heads\/topic, which/m,
      ],
    ] as const) {
      const missed = await main.run('restore', '--json', '--key', key, path)
      assert.equal((JSON.parse(missed.stdout) as { hit: string }).hit, 'miss')
      assert.match(missed.stderr, says)
    }
  },
)

for (const [mode, saves, hit] of [
  ['read', false, 'exact'],
  ['write-only', true, 'miss'],
] as const) {
  test(`cache-mode ${mode} is kept to on save and restore, with a notice`, options, async (t) => {
    const fleet = new Fleet(t)
    const free = fleet.machine('host', { SWARMCACHE_KEY: '' })
    await writeTree(free)
    await free.save('deps-1', 'tree')
    const job = fleet.machine('host', { SWARMCACHE_KEY: '', ACTIONS_CACHE_MODE: mode })
    const saved = await job.run('save', '--json', '--key', 'deps-2', 'tree')
    assert.equal((JSON.parse(saved.stdout) as { saved: boolean }).saved, saves, saved.stderr)
    assert.equal(/cache-mode "[a-z-]+" of this job/.test(saved.stderr), !saves)
    const restored = await job.run('restore', '--json', '--key', 'deps-1', 'tree')
    assert.equal((JSON.parse(restored.stdout) as { hit: string }).hit, hit, restored.stderr)
    assert.equal(/does not permit reads/.test(restored.stderr), hit === 'miss')
  })
}
