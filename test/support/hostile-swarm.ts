import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openSession } from '../../src/compose.ts'
import type { Session } from '../../src/compose.ts'
import { loadConfig } from '../../src/config.ts'
import { createLogger } from '../../src/core/logger.ts'
import { deriveSwarmKeys } from '../../src/identity/identity.ts'
import type { SwarmKeys } from '../../src/identity/identity.ts'
import { Attacker } from './attacker.ts'
import type { Lies, MeetingPlace } from './attacker.ts'
import { eventually } from './eventually.ts'
import { describeTree, settleTimes, temporaryFolder } from './file-tree.ts'
import { noise } from './noise.ts'

const KEY = 'the swarm key that an attacker has, too'
const REPOSITORY = 'octo/hostile'
const MAX_TRIES = 8
/** What the honest entry is saved under, and which paths it holds. */
export const WANTED = 'linux-npm-1'
export const PATHS = ['tree'] as const

/** A node in a folder of its own, with what it said. */
export interface Runner {
  readonly session: Session
  readonly folder: string
  /** The folder that paths are relative to. */
  readonly work: string
  readonly lines: string[]
}

/** A swarm with an honest holder of a tree, in which attackers and a victim meet. */
export class HostileSwarm implements MeetingPlace {
  readonly repository: string = REPOSITORY
  readonly keys: SwarmKeys = deriveSwarmKeys(KEY, REPOSITORY)
  readonly registryPath: string
  readonly folder: string
  readonly #t: TestContext
  #honest: Runner | undefined
  #tree: string[] = []
  #victims = 0

  private constructor(t: TestContext) {
    this.#t = t
    this.folder = temporaryFolder(t)
    this.registryPath = join(this.folder, 'registry')
  }

  /** Starts with an honest holder of the wanted entry. */
  static async start(t: TestContext): Promise<HostileSwarm> {
    const swarm = new HostileSwarm(t)
    const honest = await swarm.runner('honest')
    const tree = join(honest.work, 'tree')
    mkdirSync(join(tree, 'sub/deeper'), { recursive: true })
    writeFileSync(join(tree, 'large'), noise(3_000_000))
    writeFileSync(join(tree, 'small'), 'small')
    writeFileSync(join(tree, 'sub/other'), noise(50_000, 'other'))
    writeFileSync(join(tree, 'sub/deeper/empty'), '')
    settleTimes(tree)
    swarm.#tree = describeTree(tree)
    const saved = await honest.session.cache.save(PATHS, WANTED)
    assert.equal(saved.saved, true)
    swarm.#honest = honest
    return swarm
  }

  get honest(): Runner {
    return this.#honest!
  }

  /** A node that is joined to the swarm. */
  async runner(name: string): Promise<Runner> {
    const folder = join(this.folder, name)
    const work = join(folder, 'work')
    mkdirSync(work, { recursive: true })
    const lines: string[] = []
    const logger = createLogger((level, line) => void lines.push(`${level}: ${line}`), 'info')
    const config = loadConfig({
      cwd: work,
      env: {
        HOME: folder,
        SWARMCACHE_HOME: join(folder, 'home'),
        SWARMCACHE_KEY: KEY,
        SWARMCACHE_REPOSITORY: REPOSITORY,
        SWARMCACHE_REGISTRY: `dir:${this.registryPath}`,
        SWARMCACHE_LISTEN: '/ip4/127.0.0.1/tcp/0',
      },
    })
    const session = await openSession(config, { logger })
    // Nothing of a test is worth a drain.
    this.#t.after(() => session.stop({ signal: AbortSignal.abort() }).catch(() => {}))
    await session.node.tiers(REPOSITORY)
    return { session, folder, work, lines }
  }

  async attacker(lies: Lies = {}): Promise<Attacker> {
    const attacker = new Attacker(this, lies)
    this.#t.after(() => attacker.stop())
    await attacker.start()
    return attacker
  }

  async honestId(): Promise<string> {
    return (await this.honest.session.node.status()).swarms[0]!.peerId
  }

  /** A runner that is connected to the honest holder and the attackers. */
  async victim(...attackers: readonly Attacker[]): Promise<Runner> {
    this.#victims += 1
    const victim = await this.runner(`victim-${this.#victims}`)
    await eventually('a connection to everybody', async () => {
      const peers = await victim.session.node.peers(REPOSITORY)
      const ids = peers.map(({ peerId }) => peerId)
      return (
        ids.length > attackers.length &&
        attackers.every(({ swarm: { peerId } }) => ids.includes(peerId))
      )
    })
    return victim
  }

  /** Connects an attacker to the honest holder; resolves to whom it is connected. */
  async attackHonest(attacker: Attacker): Promise<string> {
    const { swarms } = await this.honest.session.node.status()
    const { peerId, addresses } = swarms[0]!
    await attacker.swarm.dial(peerId, addresses)
    await eventually('a connection that both know of', async () =>
      (await this.peersOf(this.honest)).includes(attacker.swarm.peerId),
    )
    return peerId
  }

  async peersOf({ session }: Runner): Promise<string[]> {
    return (await session.node.peers(REPOSITORY)).map(({ peerId }) => peerId)
  }

  /** Victims restore until one has seen through the attacker, and get the honest tree all the same; that one. */
  async deceive(attacker: Attacker): Promise<Runner> {
    for (let time = 0; time < MAX_TRIES; time += 1) {
      const victim = await this.victim(attacker)
      await this.assertRestored(victim)
      if (victim.lines.some((line) => line.includes('is banned'))) return victim
      // What the honest holder sent was there first, and nobody else was waited for.
      await victim.session.stop({ signal: AbortSignal.abort() })
    }
    return assert.fail('no victim has found anything wrong with the attacker')
  }

  /** The victim restores, and gets what the honest holder saved and nothing else, nowhere else. */
  async assertRestored(victim: Runner): Promise<void> {
    const outside = join(victim.folder, 'outside')
    mkdirSync(outside, { recursive: true })
    writeFileSync(join(outside, 'precious'), 'untouched')
    const before = this.#surroundings(victim)
    const result = await victim.session.cache.restore(PATHS, WANTED)
    assert.equal(result.hit, 'exact', victim.lines.join('\n'))
    assert.deepEqual(describeTree(join(victim.work, 'tree')), this.#tree)
    assert.deepEqual(this.#surroundings(victim), before)
  }

  /** Everything around the declared path, but the victim's own store. */
  #surroundings({ folder, work }: Runner): unknown {
    return {
      folder: readdirSync(folder).sort(),
      work: readdirSync(work).filter((name) => name !== 'tree'),
      outside: describeTree(join(folder, 'outside')),
    }
  }

  /** The attacker is cut off and cannot come back, and the log says once why. */
  async assertBanned(victim: Runner, attacker: Attacker, why: RegExp): Promise<void> {
    const { peerId } = attacker.swarm
    const said = (): string[] =>
      victim.lines.filter((line) => line.includes('is banned') && line.includes(peerId))
    await eventually('a ban', () => said().length > 0)
    assert.match(said()[0]!, why)
    await eventually('the end of its connection', async () => {
      return !(await this.peersOf(victim)).includes(peerId)
    })
    const swarms = (await victim.session.node.status()).swarms
    const { peerId: victimId, addresses } = swarms[0]!
    await attacker.swarm.dial(victimId, addresses).catch(() => {})
    await eventually('no connection', () =>
      attacker.swarm.peers().every((p) => p.peerId !== victimId),
    )
    assert.equal(said().length, 1, 'the reason is told once')
  }

  /** Nobody honest has been blamed. */
  async assertHonestIsKept(victim: Runner): Promise<void> {
    const peerId = await this.honestId()
    assert.ok((await this.peersOf(victim)).includes(peerId), victim.lines.join('\n'))
    assert.ok(!victim.lines.some((line) => line.includes('banned') && line.includes(peerId)))
  }

  assertNothingRestored({ work }: Runner): void {
    assert.equal(existsSync(join(work, 'tree')), false)
  }
}
