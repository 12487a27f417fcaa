import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { ApiCache } from './api-cache/api-cache.ts'
import type { Blobs, Cache, RequestScope, Tiers } from './cache/cache.ts'
import type { Proofs } from './compose/proofs.ts'
import type { Job, JobWriter } from './compose/job.ts'
import { composeAnswers, composeApiCache, composeOwnLeases } from './compose/answers.ts'
import type { ComposedApiCache } from './compose/answers.ts'
import { startGateway } from './compose/gateway.ts'
import { composeStore, composeUpstream } from './compose/stores.ts'
import type { Lifetime } from './compose/stores.ts'
import { defaultScopeOf } from './config.ts'
import type { Config } from './config.ts'
import { composeRegistries } from './compose/registries.ts'
import { errorMessage } from './core/errors.ts'
import type { Logger } from './core/logger.ts'
import { VERSION } from './core/version.ts'
import type { CheckEntry, PeerKey } from './identity/identity.ts'
import type { LocalNode } from './node/local-node.ts'
import type { Member, MemberSwarm } from './node/member.ts'
import type { Node, NodeStatus } from './node/node.ts'
import type { Store } from './store/store.ts'

/** What everything is given. */
export interface ComposeParts {
  readonly logger: Logger
}

/** The cache of one request's repository and scope, and the node behind it. */
export interface Session extends AsyncDisposable {
  readonly cache: Cache
  readonly blobs: Blobs
  /** The node of this process, or the way to the one that runs for this home. */
  readonly node: Node
  readonly request: RequestScope
  /** The cache in front of the GitHub API; made with the first call. */
  api(): Promise<ApiCache>
  /** Finishes background work, then drains the node if it is this process's own. */
  stop(options?: { readonly signal?: AbortSignal }): Promise<void>
}

/** A node that others on this machine can use through its control socket. */
export interface ServedNode extends AsyncDisposable {
  /** Base URL of the HTTP door, if it has one. */
  readonly http?: string
  status(): Promise<NodeStatus>
  stop(options?: { readonly signal?: AbortSignal }): Promise<void>
}

// Beyond four, threads wait for the disk and the peers more than for each other.
const MAX_THREADS = 4
// Packing what the upstream restored takes seconds for gigabytes; a disk that hangs must not hold a job.
const SETTLE_MS = 10 * 60_000

/** The node that runs for a home, or undefined. */
export async function connectToNode(home: string): Promise<Node | undefined> {
  const control = await import('./node/control-client.ts')
  return await control.connectToNode(home)
}

/**
 * Opens the cache for a request: through the node that runs for the home, else with one of this process.
 *
 * @throws ERR_INPUT for a swarm key that is refused; a swarm or a store that cannot be had is a warning.
 */
export async function openSession(config: Config, { logger }: ComposeParts): Promise<Session> {
  warn(config, logger)
  await assertMembership(config)
  const { request = config.request, writer } = (await composeJob(config, logger)) ?? {}
  const running = await connectOrWarn(config, logger)
  const node = running ?? (await composeNode(config, { logger }, 'session', writer))
  const upstream = await composeUpstream(config, logger)
  const [{ TreeCache }, { BlobCache }, { TreeArchive }, { LazyTiers }] = await Promise.all([
    import('./cache/tree-cache.ts'),
    import('./cache/blob.ts'),
    import('./archive/tree-archive.ts'),
    import('./cache/lazy-tiers.ts'),
  ])
  const tiers: Tiers = new LazyTiers({
    open: async (options) => await node.tiers(request.repository, options),
    sign: writer?.sign,
  })
  const archive = new TreeArchive()
  const cache = new TreeCache(
    { tiers, archive, upstream, logger },
    {
      request,
      workingDirectory: config.workingDirectory,
      writeThrough: config.upstream === 'write-through',
      threads: Math.min(MAX_THREADS, availableParallelism()),
      notesFolder: join(config.home, 'notes'),
    },
  )
  const blobs = new BlobCache({ tiers, archive }, { request })
  let api: Promise<ComposedApiCache> | undefined
  const stop: Session['stop'] = async (options) => {
    await (await api)?.stop()
    await cache.settle({ signal: options?.signal ?? AbortSignal.timeout(SETTLE_MS) })
    await upstream?.close()
    await node.stop(options)
  }
  return {
    cache,
    blobs,
    node,
    request,
    api: async () => (await (api ??= composeApiCache(config, logger, { node, request }))).cache,
    stop,
    [Symbol.asyncDispose]: async () => await stop(),
  }
}

/**
 * The node that runs for the home, else one of this process that looks at the store and joins no swarm.
 *
 * Its methods reject with ERR_STORE if no node runs and the store cannot be opened.
 */
export async function openNode(config: Config, { logger }: ComposeParts): Promise<Node> {
  for (const warning of config.warnings) logger.log('warning', warning)
  const running = await connectOrWarn(config, logger)
  return running ?? (await composeNode(config, { logger }, 'look'))
}

/**
 * Starts a node that takes part in the request's swarm until it is stopped, with a control socket in its home.
 *
 * One that lives for a job is another peer each time: what a job could read of its key is of no use afterwards.
 *
 * @throws ERR_INPUT for a bad key, ERR_CONTROL if a node runs for this home already, ERR_STORE for an unusable
 * home, or the reason why it cannot listen.
 */
export async function serveNode(
  config: Config,
  { logger }: ComposeParts,
  lifetime: 'serve' | 'job' = 'serve',
): Promise<ServedNode> {
  warn(config, logger)
  await assertMembership(config)
  const { ControlServer } = await import('./node/control-server.ts')
  const node = await composeNode(config, { logger }, lifetime)
  const control = new ControlServer({ node, logger }, { home: config.home })
  let gateway: Awaited<ReturnType<typeof startGateway>>
  try {
    await control.start()
    gateway = await startGateway(config, logger, node)
    await node.tiers(config.request.repository)
  } catch (error) {
    await gateway?.stop()
    await control.stop()
    await node.stop()
    throw error
  }
  const stop: ServedNode['stop'] = async (options) => {
    await gateway?.stop()
    await control.stop()
    await node.stop(options)
  }
  return {
    http: gateway?.url,
    status: async () => await node.status(),
    stop,
    [Symbol.asyncDispose]: async () => await stop(),
  }
}

/** Outside of a job there are no tokens, and no need to load what reads them. */
async function composeJob(config: Config, logger: Logger): Promise<Job | undefined> {
  const token = config.tokens.request ?? config.upstreamEnvironment['ACTIONS_RUNTIME_TOKEN']
  if (token === undefined) return undefined
  return await (await import('./compose/job.ts')).composeJob(config, logger)
}

async function connectOrWarn(config: Config, logger: Logger): Promise<Node | undefined> {
  try {
    return await connectToNode(config.home)
  } catch (error) {
    logger.log('warning', `The running node cannot be used: ${errorMessage(error)}`)
    return undefined
  }
}

async function composeNode(
  config: Config,
  { logger }: ComposeParts,
  lifetime: Lifetime,
  writer?: JobWriter,
): Promise<LocalNode> {
  const { LocalNode } = await import('./node/local-node.ts')
  return new LocalNode(
    {
      createMember: async (repository) =>
        await composeMember(config, logger, { repository, lifetime, writer }),
    },
    {
      version: VERSION,
      home: config.home,
      role: config.role,
      membership: membershipOf(config),
      registries: [
        ...config.registries.map((each) =>
          each.kind === 'dir' ? `dir:${each.path}` : `github:${config.github.repository}`,
        ),
        ...config.bootstrap,
      ],
    },
  )
}

async function composeMember(
  config: Config,
  logger: Logger,
  { repository, lifetime, writer }: { repository: string; lifetime: Lifetime; writer?: JobWriter },
): Promise<Member> {
  const [
    identity,
    { composeProofs },
    { composeTrust, composeVerifier },
    { NodeTiers },
    { Member },
  ] = await Promise.all([
    import('./identity/identity.ts'),
    import('./compose/proofs.ts'),
    import('./compose/trust.ts'),
    import('./cache/node-tiers.ts'),
    import('./node/member.ts'),
  ])
  const { store, savesRefused } = await composeStore(config, logger, lifetime, repository)
  const peerKey =
    lifetime === 'serve'
      ? await identity.loadPeerKey(join(config.home, 'keys', encodeURIComponent(repository)))
      : (writer?.key ?? identity.createPeerKey())
  const verifier = composeVerifier(config, logger)
  const proving = { repository, peerKey, verifier, source: writer?.source }
  const proofs = lifetime === 'look' ? undefined : await composeProofs(config, logger, proving)
  const { trust, attested } = composeTrust(config, proofs, { verifier, repository })
  const { check: checkEntry } = trust
  const joined =
    proofs === undefined
      ? undefined
      : await composeSwarm(config, logger, proofs, {
          repository,
          peerKey,
          store,
          checkEntry,
          lifetime,
        })
  const leases = joined?.leases ?? (await composeOwnLeases(peerKey))
  const tiers = new NodeTiers(
    {
      store,
      peers: joined,
      leases,
      sign: (entry) => identity.signEntry(entry, peerKey),
      checkEntry,
      logger,
    },
    { repository, provides: config.role !== 'reader', attested, savesRefused },
  )
  const answers = await composeAnswers(config, logger, {
    repository,
    peerKey,
    joined,
    requiresToken: proofs?.tokens?.required ?? false,
  })
  return new Member(
    { store, tiers, answers, joined, attest: trust.attest, logger },
    { repository, peerId: peerKey.peerId, goesOnAlone: lifetime === 'session' },
  )
}

async function composeSwarm(
  config: Config,
  logger: Logger,
  { keys, prologue, tokens }: Proofs,
  member: {
    repository: string
    peerKey: PeerKey
    store: Store
    checkEntry: CheckEntry
    lifetime: Lifetime
  },
): Promise<MemberSwarm> {
  const [
    { Libp2pSwarm },
    { SwarmRouter },
    { SwarmTransfer },
    { SwarmLeases },
    { Rendezvous },
    { HandOver },
    { HandOverKeeper },
    serving,
  ] = await Promise.all([
    import('./swarm/libp2p-swarm.ts'),
    import('./router/swarm-router.ts'),
    import('./transfer/swarm-transfer.ts'),
    import('./lease/swarm-leases.ts'),
    import('./node/rendezvous.ts'),
    import('./node/hand-over.ts'),
    import('./node/hand-over-keeper.ts'),
    import('./node/serving.ts'),
  ])
  const { peerKey, store, checkEntry } = member
  const { role } = config
  const defaultScope = defaultScopeOf(config, member.repository)
  const swarm = new Libp2pSwarm(
    { peerKey, prologue, tokens, logger: logger.scoped('swarm') },
    { role, listen: config.listen, bootstrap: config.bootstrap },
  )
  const router = new SwarmRouter({
    swarm,
    answers: serving.answersFrom({ store, checkEntry, swarm }, { role, defaultScope }),
    checkEntry,
    logger: logger.scoped('router'),
  })
  const transfer = new SwarmTransfer(
    {
      swarm,
      peers: router,
      supply: serving.supplyFrom(store, role),
      logger: logger.scoped('transfer'),
    },
    { lanes: { listenHost: laneHost(config) }, ...config.rates },
  )
  const rendezvous = new Rendezvous(
    {
      swarm,
      registries: await composeRegistries(config, {
        keys,
        peerKey,
        logger: logger.scoped('registry'),
      }),
      logger: logger.scoped('registry'),
    },
    { role },
  )
  // What a reader does for others never reaches them, so it takes no turns.
  const leases =
    role === 'reader'
      ? undefined
      : new SwarmLeases({ swarm, peers: router, logger: logger.scoped('lease') })
  const keeper = new HandOverKeeper(
    { store, transfer, router, checkEntry, logger },
    { repository: member.repository, role, staysOn: member.lifetime !== 'session' },
  )
  // The home of a session outlives it, but only what it wrote itself is in nobody else's care.
  const handOver =
    role === 'reader'
      ? undefined
      : new HandOver(
          { swarm, store, router, keeper, logger },
          { role, ownOnly: member.lifetime === 'session' },
        )
  return { swarm, router, transfer, leases, handOver, rendezvous }
}

/** Lanes are accepted where the swarm listens: on one host if it names one, on all of them otherwise. */
function laneHost({ listen }: Config): string | undefined {
  const hosts = [...new Set(listen.map((address) => address.split('/')[2]))]
  return hosts.length > 1 ? '::' : hosts[0]
}

async function assertMembership(config: Config): Promise<void> {
  if (!config.peers || config.swarmKey === undefined) return
  const { assertSwarmKey } = await import('./identity/swarm-keys.ts')
  assertSwarmKey(config.swarmKey)
}

function membershipOf({ peers, membership }: Config): NodeStatus['membership'] {
  if (!peers) return { proof: 'none', reason: 'Peers are switched off.' }
  const { proof, reason } = membership
  return { proof, reason }
}

/** Says once what has no effect, and how membership could be proved, or be proved better. */
function warn(config: Config, logger: Logger): void {
  for (const warning of config.warnings) logger.log('warning', warning)
  const { improvable, reason } = config.membership
  if (config.peers) logger.log(improvable ? 'notice' : 'debug', reason)
}
