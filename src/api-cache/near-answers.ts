import { withDeadline } from '../async/deadline.ts'
import type { Digest } from '../core/digest.ts'
import type { Turn, TurnOptions } from '../lease/lease.ts'
import type {
  Answer,
  AnswerScope,
  AnswerShelf,
  AnswerTiers,
  FindOptions,
  FoundAnswer,
  QuotaName,
  QuotaState,
  QuotaView,
} from './api-cache.ts'
import { readable } from './tiered-answers.ts'

/** What a node has to offer. */
export interface FarAnswers {
  readonly tiers: AnswerTiers
  readonly quota: QuotaView
}

/** What the answers of one process are made of. */
export interface NearAnswersParts {
  /** Keeps what is for this process alone. */
  readonly memory: AnswerShelf
  readonly quota: QuotaView
  /** The node's; opened with the first request, again after a failure. */
  readonly open: () => Promise<FarAnswers>
}

// Joining a swarm takes a second or two; a request to GitHub must not wait for more.
const OPEN_MS = 3000

/** The answers of a node as a process uses them that asks GitHub itself: what must not be shared stays with it. */
export class NearAnswers implements AnswerTiers, QuotaView {
  readonly #parts: NearAnswersParts
  #opening: Promise<FarAnswers> | undefined
  #far: FarAnswers | undefined

  constructor(parts: NearAnswersParts) {
    this.#parts = parts
  }

  async find(
    key: Digest,
    scope: AnswerScope,
    options: FindOptions = {},
  ): Promise<readonly FoundAnswer[]> {
    const near = readable(key, scope, await this.#parts.memory.get(key))
    if (options.nearOnly === true && near.length > 0) return near
    const own = near.map(({ answer }) => answer.digest)
    const known = [...(options.known ?? []), ...own]
    const { tiers } = await this.#open(options.signal)
    const far = await tiers.find(key, scope, { ...options, known })
    // The node may have the same body from a job token.
    const isNew = ({ answer }: FoundAnswer): boolean => !own.includes(answer.digest)
    return [...near, ...readable(key, scope, far).filter(isNew)]
  }

  async put(answer: Answer): Promise<void> {
    if (answer.shared) await (await this.#open()).tiers.put(answer)
    else await this.#parts.memory.put(answer)
  }

  async takeTurn(name: Digest, options?: TurnOptions): Promise<Turn> {
    return await (await this.#open(options?.signal)).tiers.takeTurn(name, options)
  }

  /** Of this process; the node goes on. */
  async close(): Promise<void> {
    await this.#parts.memory.close()
  }

  get(name: QuotaName): QuotaState | undefined {
    return (this.#far?.quota ?? this.#parts.quota).get(name)
  }

  saw(name: QuotaName, state: QuotaState): void {
    this.#parts.quota.saw(name, state)
    this.#far?.quota.saw(name, state)
  }

  listen(listener: (name: QuotaName, state: QuotaState) => void): () => void {
    return this.#parts.quota.listen(listener)
  }

  async #open(signal?: AbortSignal): Promise<FarAnswers> {
    if (this.#far !== undefined) return this.#far
    this.#opening ??= this.#parts.open().then(
      (far) => (this.#far = far),
      (error: unknown) => {
        this.#opening = undefined
        throw error
      },
    )
    const opening = this.#opening
    return await withDeadline(OPEN_MS, 'Reaching the node', signal, async () => opening)
  }
}
