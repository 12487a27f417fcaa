import { Keyv } from 'keyv'
import type { Digest } from '../core/digest.ts'
import { errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import { decodeAnswer, encodeAnswer } from './answer-wire.ts'
import type { Answer, AnswerOptions, AnswerShelf, FoundAnswer } from './api-cache.ts'
import { addAnswer } from './memory-shelf.ts'

/** What answers in a key-value store work with. */
export interface KeyvShelfParts {
  /** An adapter of keyv, or a Map. */
  readonly adapter: object
  readonly logger: Logger
}

/** Tunables of answers in a key-value store. */
export interface KeyvShelfOptions {
  /** Its answers are kept apart from those of others. */
  readonly repository: string
  /** Answers that nobody confirmed for so long are dropped. */
  readonly keepMs?: number
}

// Such stores hold values whole, as base64 in JSON.
const MAX_BODY_BYTES = 1024 * 1024
const KEEP_MS = 14 * 24 * 60 * 60_000
// How current the time of the last confirmation is there, so that not every 304 costs a write.
const VALIDATED_STEP_MS = 5 * 60_000

/** Answers in any store that keyv has an adapter for: for fleets, and to outlive the process. */
export class KeyvShelf implements AnswerShelf {
  readonly #keyv: Keyv<unknown>
  readonly #logger: Logger
  readonly #keepMs: number
  #failed = false

  constructor(
    { adapter, logger }: KeyvShelfParts,
    { repository, keepMs = KEEP_MS }: KeyvShelfOptions,
  ) {
    this.#keyv = new Keyv({ store: adapter, namespace: `swarmcache-api:${repository}` })
    this.#logger = logger
    this.#keepMs = keepMs
    // Without a listener a lost connection would end the process.
    this.#keyv.on('error', (error: unknown) => this.#report(error))
  }

  async get(key: Digest): Promise<readonly FoundAnswer[]> {
    try {
      return (await this.#read(key)).map((answer) => ({ answer, tier: 'shared' }))
    } catch (error) {
      this.#report(error)
      return []
    }
  }

  /** Two who write one key at once may lose one of the answers, which is one more request to GitHub. */
  async put(answer: Answer, { signal }: AnswerOptions = {}): Promise<void> {
    if (answer.body.length > MAX_BODY_BYTES) return
    try {
      const kept = await this.#read(answer.key)
      const same = kept.find(({ digest, scope }) => {
        return digest === answer.digest && scope === answer.scope
      })
      if (same !== undefined && answer.validated - same.validated < VALIDATED_STEP_MS) return
      signal?.throwIfAborted()
      await this.#keyv.set(answer.key, addAnswer(kept, answer).map(toValue), this.#keepMs)
    } catch (error) {
      this.#report(error)
    }
  }

  async delete(key: Digest, digest: Digest): Promise<void> {
    try {
      const left = (await this.#read(key)).filter((answer) => answer.digest !== digest)
      await this.#keyv.set(key, left.map(toValue), this.#keepMs)
    } catch (error) {
      this.#report(error)
    }
  }

  /** Such stores do not say. */
  usage(): { readonly bytes: number; readonly answers: number } {
    return { bytes: 0, answers: 0 }
  }

  async close(): Promise<void> {
    await this.#keyv.disconnect().catch((error: unknown) => this.#report(error))
  }

  async #read(key: Digest): Promise<Answer[]> {
    const values: unknown = await this.#keyv.get(key)
    if (!Array.isArray(values)) return []
    return values.map(fromValue).filter((answer) => answer !== undefined)
  }

  #report(error: unknown): void {
    // Once is news; a store that is gone would fill the log.
    this.#logger.log(
      this.#failed ? 'debug' : 'warning',
      `The shared store of API answers fails: ${errorMessage(error)}. Going on without it.`,
    )
    this.#failed = true
  }
}

function toValue(answer: Answer): object {
  const { header, body } = encodeAnswer(answer)
  return { header, body: Buffer.from(body).toString('base64') }
}

function fromValue(value: unknown): Answer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { header, body } = value as Record<string, unknown>
  if (typeof body !== 'string' || body.length > MAX_BODY_BYTES * 2) return undefined
  return decodeAnswer(header, Buffer.from(body, 'base64'))
}
