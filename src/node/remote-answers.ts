import { randomUUID } from 'node:crypto'
import { packAnswers } from '../api-cache/api-cache.ts'
import type {
  Answer,
  AnswerScope,
  AnswerTiers,
  ApiStats,
  FindOptions,
  FoundAnswer,
  QuotaName,
  QuotaState,
  QuotaView,
} from '../api-cache/api-cache.ts'
import type { Digest } from '../core/digest.ts'
import type { PeerId } from '../core/peer.ts'
import type { Turn, TurnOptions } from '../lease/lease.ts'
import { unpackFound } from './control-answers.ts'
import { decodeJson } from './control-protocol.ts'
import type { NodeAnswers } from './node.ts'
import type { RemoteCalls } from './remote-tiers.ts'
import { RemoteTurn } from './remote-turn.ts'

// What a process asks with: its own token's quotas, and the repository's.
const MAX_QUOTAS = 64
// A process that is killed takes at most this much of its statistics along.
const COUNT_MS = 1000

/** The answers of a repository on a node of another process; GitHub is asked by this one, whose token stays here. */
export class RemoteAnswers implements NodeAnswers, AnswerTiers {
  readonly quota: QuotaView
  readonly #calls: RemoteCalls
  readonly #repository: string
  readonly #quotas = new RemoteQuotas()

  constructor(calls: RemoteCalls, repository: string) {
    this.#calls = calls
    this.#repository = repository
    this.quota = this.#quotas
  }

  get tiers(): AnswerTiers {
    return this
  }

  async find(
    key: Digest,
    { repository, scope, readable }: AnswerScope,
    { signal, ...options }: FindOptions = {},
  ): Promise<readonly FoundAnswer[]> {
    const args = {
      digest: key,
      scope: { repository, scope, readable },
      ...options,
      saw: this.#quotas.takeNews(),
      quotas: this.#quotas.names(),
    }
    const { found, quotas } = unpackFound(await this.#call('findAnswers', args, { signal }))
    this.#quotas.told(quotas)
    return found
  }

  /** What is not to be shared stays in this process, which has to keep it itself. */
  async put(answer: Answer): Promise<void> {
    if (!answer.shared) return
    const body = packAnswers([{ answer, tier: 'memory' }])
    await this.#call('putAnswer', {}, { body })
  }

  async takeTurn(name: Digest, { signal, onWaiting }: TurnOptions = {}): Promise<Turn> {
    const turn = randomUUID()
    const args = { digest: name, turn, answers: true }
    const body = await this.#call('takeTurn', args, { signal, onWaiting })
    const { by } = decodeJson(body) as { readonly by?: PeerId }
    if (by !== undefined) return { kind: 'done', by }
    return new RemoteTurn((call, more) => this.#call(call, { ...more, turn }))
  }

  /** The node goes on, and so do its answers. */
  async close(): Promise<void> {}

  count(stats: () => ApiStats): () => Promise<void> {
    let told = 0
    const tell = async (): Promise<void> => {
      const now = stats()
      if (now.requests === told) return
      told = now.requests
      // The node goes on without the figures.
      await this.#call('countApi', { stats: now }).catch(() => {})
    }
    const timer = setInterval(() => void tell(), COUNT_MS).unref()
    return async () => {
      clearInterval(timer)
      told = -1
      if (stats().requests > 0) await tell()
    }
  }

  async #call(
    name: Parameters<RemoteCalls['call']>[0],
    args: Record<string, unknown>,
    options?: Parameters<RemoteCalls['call']>[2],
  ): Promise<Uint8Array> {
    return await this.#calls.call(name, { ...args, repository: this.#repository }, options)
  }
}

/** Quotas as this process and the node know them; of two for one name the later word counts. */
class RemoteQuotas implements QuotaView {
  readonly #states = new Map<QuotaName, QuotaState>()
  readonly #news = new Map<QuotaName, QuotaState>()
  readonly #listeners = new Set<(name: QuotaName, state: QuotaState) => void>()

  get(name: QuotaName): QuotaState | undefined {
    const state = this.#states.get(name)
    return state === undefined || state.reset <= Date.now() ? undefined : state
  }

  saw(name: QuotaName, state: QuotaState): void {
    this.#keep(name, state)
    this.#news.set(name, state)
    for (const listener of this.#listeners) listener(name, state)
  }

  listen(listener: (name: QuotaName, state: QuotaState) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  names(): QuotaName[] {
    return [...this.#states.keys()]
  }

  /** What this process saw since it last told the node. */
  takeNews(): readonly (readonly [QuotaName, QuotaState])[] {
    const news = [...this.#news]
    this.#news.clear()
    return news.slice(-MAX_QUOTAS)
  }

  told(quotas: readonly (readonly [QuotaName, QuotaState])[]): void {
    for (const [name, state] of quotas) {
      if (state.seen >= (this.#states.get(name)?.seen ?? 0)) this.#keep(name, state)
    }
  }

  #keep(name: QuotaName, state: QuotaState): void {
    this.#states.delete(name)
    this.#states.set(name, state)
    if (this.#states.size <= MAX_QUOTAS) return
    const [oldest] = this.#states.keys()
    this.#states.delete(oldest!)
  }
}
