import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { Fetch } from '../../../src/api-cache/api-cache.ts'
import { MemoryNetwork } from '../../../src/swarm/memory-network.ts'
import { MemorySwarm } from '../../../src/swarm/memory-swarm.ts'
import type { Swarm } from '../../../src/swarm/swarm.ts'
import { jobTokens } from '../../support/api-runners.ts'
import { createSwarmRunner, joinRunners } from '../../support/api-swarm.ts'
import type { SwarmRunner, SwarmRunnerOptions } from '../../support/api-swarm.ts'
import { GitHubApi } from '../../support/github-api.ts'
import { SeededRandom } from '../../support/seeded-random.ts'

const TOKENS = jobTokens(6)
const OWNERS = Object.fromEntries(TOKENS.map((token) => [token, { quota: 'octocat/hello' }]))
const VALUE = { full_name: 'octocat/hello', text: 'y'.repeat(20_000) }
const PATH = '/repos/octocat/hello'
const options = { timeout: 60_000 }

/** Runners in one process, and something that is called before everything that they do on the network. */
class Crowd {
  readonly network: MemoryNetwork = new MemoryNetwork()
  readonly runners: readonly SwarmRunner[]
  onEvent: (at: number) => void = () => {}

  constructor(api: GitHubApi, runnerOptions: Partial<SwarmRunnerOptions> = {}) {
    this.runners = TOKENS.map((_, at) => {
      const upstream: Fetch = async (...call) => {
        this.onEvent(at)
        const response = await fetch(...call)
        this.onEvent(at)
        return response
      }
      const swarm = this.#watched(new MemorySwarm({ network: this.network }), at)
      return createSwarmRunner(swarm, {
        url: api.url,
        fetch: upstream,
        leaseMs: 500,
        ...runnerOptions,
      })
    })
  }

  #watched(swarm: MemorySwarm, at: number): Swarm {
    const open = swarm.open.bind(swarm)
    swarm.open = async (...call) => {
      this.onEvent(at)
      return await open(...call)
    }
    return swarm
  }

  async join(t: TestContext): Promise<void> {
    await joinRunners(t, this.runners)
  }
}

async function ask(runner: SwarmRunner, at: number, why: string): Promise<void> {
  const answer = await runner.get(PATH, TOKENS[at]!)
  assert.equal(answer.status, 200, why)
  assert.deepEqual(await answer.json(), VALUE, why)
}

test('whoever is killed at whatever point, all others get the right answer', options, async (t) => {
  const random = new SeededRandom()
  for (let round = 0; round < 25; round += 1) {
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    api.put(PATH, { value: VALUE })
    const crowd = new Crowd(api)
    await crowd.join(t)
    const killAt = random.below(45)
    const isOwn = random.below(2) === 0
    const why = `seed ${random.seed}, round ${round}, event ${killAt}`
    let events = 0
    let killed: number | undefined
    crowd.onEvent = (at) => {
      events += 1
      if (events !== killAt + 1) return
      killed = isOwn ? at : random.below(TOKENS.length)
      void crowd.runners[killed]!.stop()
    }
    await Promise.all(
      crowd.runners.map(async (runner, at) => {
        try {
          await ask(runner, at, why)
        } catch (error) {
          if (at !== killed) throw error
        }
      }),
    )
    // Who had the only copy may be gone when the others come for it, and then each asks once.
    assert.ok(api.charged() <= TOKENS.length, `${why}: ${api.charged()} charged`)
  }
})

test(
  'a swarm that falls apart meanwhile costs nobody more than one request, and no answer',
  options,
  async (t) => {
    const random = new SeededRandom()
    for (let round = 0; round < 15; round += 1) {
      const api = await GitHubApi.start(t, { tokens: OWNERS })
      api.put(PATH, { value: VALUE })
      const crowd = new Crowd(api)
      await crowd.join(t)
      const cutAt = random.below(40)
      const why = `seed ${random.seed}, round ${round}, event ${cutAt}`
      let events = 0
      crowd.onEvent = () => {
        events += 1
        if (events !== cutAt + 1) return
        for (const { swarm } of crowd.runners.slice(0, 3)) {
          for (const other of crowd.runners.slice(3)) void swarm.disconnect(other.swarm.peerId)
        }
      }
      await Promise.all(crowd.runners.map(async (runner, at) => await ask(runner, at, why)))
      assert.ok(api.charged() <= TOKENS.length, `${why}: ${api.charged()} charged`)
    }
  },
)

test('a peer that stands still is waited for once, then passed over', options, async (t) => {
  const api = await GitHubApi.start(t, { tokens: OWNERS })
  for (let at = 0; at < 8; at += 1) api.put(`/thing/${at}`, { value: { at } })
  const crowd = new Crowd(api, { replyMs: 300, answerMs: 300, leaseMs: 300, patienceMs: 600 })
  await crowd.join(t)
  const [first, frozen] = crowd.runners as [SwarmRunner, SwarmRunner]
  for (const { swarm } of crowd.runners) {
    if (swarm !== frozen.swarm) crowd.network.stall(swarm.peerId, frozen.swarm.peerId)
  }
  for (let at = 0; at < 8; at += 1) {
    const answer = await first.get(`/thing/${at}`, TOKENS[0]!)
    assert.deepEqual(await answer.json(), { at })
  }
  assert.equal(first.peers.isUsable(frozen.swarm.peerId), false)
  const silences = first.lines.filter((line) => /gives no answer of the API/.test(line))
  assert.equal(silences.length, 1, 'it was asked once')
})

test(
  'a leader that is refused passes the turn, and no follower gets its refusal',
  options,
  async (t) => {
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    api.put(PATH, { value: VALUE, readers: TOKENS.slice(3) })
    const crowd = new Crowd(api)
    await crowd.join(t)
    const answers = await Promise.all(
      crowd.runners.map(async (runner, at) => await runner.get(PATH, TOKENS[at]!)),
    )
    const statuses = answers.map(({ status }) => status)
    assert.deepEqual(statuses, [404, 404, 404, 200, 200, 200])
    for (const answer of answers.slice(3)) assert.deepEqual(await answer.json(), VALUE)
    for (const answer of answers.slice(0, 3)) assert.doesNotMatch(await answer.text(), /yyy/)
  },
)

test(
  'tokens that may not see a resource never get it over the swarm, however the race falls',
  options,
  async (t) => {
    const random = new SeededRandom()
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    const allowed = TOKENS.slice(0, 3)
    api.put('/private', { value: VALUE, readers: allowed })
    api.put('/public', { value: { open: true } })
    const crowd = new Crowd(api, { maxStaleMs: 20, staleOnErrorMs: 3_600_000 })
    await crowd.join(t)
    for (let round = 0; round < 12; round += 1) {
      api.fault = () => {
        const choice = random.below(round < 6 ? 4 : 12)
        if (choice === 0) return { delayMs: random.below(4) }
        return choice === 5 ? { status: 502 } : undefined
      }
      await Promise.all(
        Array.from({ length: 30 }, async () => {
          // Every token goes through every runner: rights belong to tokens, not to those who ask for them.
          const runner = random.pick(crowd.runners)
          const token = random.pick(TOKENS)
          const path = random.pick(['/private', '/public'])
          const answer = await runner.get(path, token)
          const text = await answer.text()
          const why = `seed ${random.seed}, round ${round}: ${token} got ${answer.status} for ${path}`
          if (answer.status === 502) return
          if (path === '/public') assert.equal(text, '{"open":true}', why)
          else if (allowed.includes(token)) assert.deepEqual(JSON.parse(text), VALUE, why)
          else assert.ok(answer.status === 404 && !text.includes('yyy'), why)
        }),
      )
    }
  },
)

test(
  'after the formula has changed all runners get right answers, each with one notice',
  options,
  async (t) => {
    const api = await GitHubApi.start(t, { tokens: OWNERS })
    api.put(PATH, { value: VALUE })
    const crowd = new Crowd(api)
    await crowd.join(t)
    const round = async (): Promise<void> => {
      await Promise.all(crowd.runners.map(async (runner, at) => await ask(runner, at, 'changed')))
    }
    await round()
    assert.equal(api.charged(), 1)
    api.formula = 'changed'
    await round()
    const charged = api.charged()
    assert.ok(charged <= 1 + TOKENS.length)
    await round()
    assert.equal(api.charged(), charged, 'each token has an ETag of its own')
    for (const { cache, lines } of crowd.runners) {
      assert.equal(cache.stats().failed, 0)
      assert.equal(lines.filter((line) => line.startsWith('notice:')).length, 1)
    }
  },
)
