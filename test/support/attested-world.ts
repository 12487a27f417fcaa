import { NodeTiers } from '../../src/cache/node-tiers.ts'
import type { Tiers } from '../../src/cache/cache.ts'
import type { Entry, SignedEntry } from '../../src/core/entry.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { AttestedTrust } from '../../src/identity/entry-trust.ts'
import { attestEntry, createPeerKey, signEntry } from '../../src/identity/identity.ts'
import type { EntryTrust, TokenVerifier } from '../../src/identity/identity.ts'
import { MemoryIssuer } from '../../src/identity/memory-issuer.ts'
import { answersFrom } from '../../src/node/serving.ts'
import { MemoryRouter } from '../../src/router/memory-router.ts'
import type { MemoryRouterGroup } from '../../src/router/memory-router.ts'
import { MemoryStore } from '../../src/store/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import type { ModelRun } from './github-scopes.ts'
import { makeSample, REPOSITORY } from './sample-entries.ts'
import type { Sample } from './sample-entries.ts'

const REPOSITORY_ID = '1'
const LIMIT_BYTES = 1e8

/** A member in memory: its store, and its tiers with all checks; its answers are unchecked. */
export interface AttestedMember {
  readonly store: Store
  readonly router: MemoryRouter
  readonly tiers: Tiers
  /** An entry of this member with its run's ID token, whatever it claims. */
  sign(entry: Omit<Entry, 'writer'>): Promise<SignedEntry>
}

/** Members of one swarm, each in a run that an issuer attests. */
export class AttestedWorld {
  readonly issuer: MemoryIssuer
  readonly trust: EntryTrust
  readonly #group: MemoryRouterGroup = new Map()

  constructor(options: { readonly defaultScope?: string; readonly issuer?: MemoryIssuer } = {}) {
    this.issuer = options.issuer ?? new MemoryIssuer()
    this.trust = attestedTrust(this.issuer, options.defaultScope)
  }

  add(run: ModelRun, store: Store = memoryStore()): AttestedMember {
    const key = createPeerKey()
    const { check: checkEntry } = this.trust
    const source = this.issuer.source({
      repository: REPOSITORY,
      repositoryId: REPOSITORY_ID,
      event: run.event,
      ref: run.ref,
    })
    // What a member that serves everything to everybody would answer: readers must hold the rules themselves.
    const answers = answersFrom(
      { store, checkEntry: async () => ({ trusted: true }), swarm: { peers: () => [] } },
      { role: 'runner' },
    )
    const router = new MemoryRouter({ peerId: key.peerId, group: this.#group, answers, checkEntry })
    router.start()
    const sign = async (entry: Omit<Entry, 'writer'>): Promise<SignedEntry> => {
      const token = await source.token(key.peerId)
      // Only the issuer of the real ones dates its tokens so that the entry can be dated by them.
      const attested = { ...attestEntry(entry, token), created: Date.now() }
      return signEntry({ ...attested, repositoryId: REPOSITORY_ID }, key)
    }
    const tiers = new NodeTiers(
      {
        store,
        peers: { router, transfer: NO_TRANSFER },
        sign: (entry) => signEntry(entry, key),
        checkEntry,
        logger: silentLogger,
      },
      { repository: REPOSITORY, attested: true },
    )
    return { store, router, tiers, sign }
  }
}

/** Trust in what an issuer attests, with tokens required. */
function attestedTrust(verifier: TokenVerifier, defaultScope?: string): EntryTrust {
  return new AttestedTrust({ verifier }, { requiresToken: true, defaultScope })
}

/** A small sample whose parts lie in a store already, dated so that a token of this moment covers it. */
export async function storedSample(store: Store, key: string, scope: string): Promise<Sample> {
  const sample = await makeSample(key, { count: 1, bytes: 10, scope, created: Date.now() })
  await putParts(store, sample)
  return sample
}

/** What an entry needs, without the entry. */
export async function putParts(store: Store, { frames, manifest, entry }: Sample): Promise<void> {
  for (const frame of frames) await store.put(frame)
  await store.putManifest(entry.manifest, manifest)
}

function memoryStore(): MemoryStore {
  return new MemoryStore({ repository: REPOSITORY, limitBytes: LIMIT_BYTES })
}

const NO_TRANSFER = {
  async start() {},
  async stop() {},
  fetchManifest: () => Promise.reject(new Error('nothing is fetched here')),
  // oxlint-disable-next-line require-yield
  async *fetchChunks() {
    throw new Error('nothing is fetched here')
  },
}
