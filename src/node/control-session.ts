import { relative } from 'node:path'
import { startDeadline, abortable } from '../async/deadline.ts'
import { Limit } from '../async/limit.ts'
import type { Tiers } from '../cache/cache.ts'
import { SwarmCacheError, errorMessage } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { Message } from '../core/message.ts'
import type { PeerId } from '../core/peer.ts'
import { VERSION } from '../core/version.ts'
import type { Node } from './node.ts'
import type { ControlChannel } from './control-channel.ts'
import {
  decodeDigests,
  decodeRefs,
  encodeError,
  encodeJson,
  protocolMismatch,
  readCommittedEntry,
  readDigest,
  readFollow,
  readFrame,
  readPart,
  readQuery,
  readRepository,
  readSignedEntry,
  readTurnName,
  readTurnResult,
} from './control-protocol.ts'
import type { CallName } from './control-protocol.ts'
import { ControlAnswers } from './control-answers.ts'
import { ControlInboxes } from './control-inboxes.ts'
import { ControlTurns } from './control-turns.ts'
import { PlaceMessages, encodePiece } from './place-messages.ts'
import { UnopenedFrames } from './unopened-frames.ts'

/** What a session works with. */
export interface ControlSessionParts {
  readonly node: Node
  readonly channel: ControlChannel
  readonly logger: Logger
  /** The folder that clients know too, whatever its path is where they run. */
  readonly home: string
}

interface Call {
  readonly id: number
  readonly header: Message['header']
  readonly body: Uint8Array
  readonly signal: AbortSignal
}

// A local process sends its greeting at once.
const GREETING_DEADLINE_MS = 5000
// Each running call counts with its body and this much, so that 64 small ones or 32 MiB of bodies run at once.
const CALL_BYTES = 512 * 1024
const RUNNING_BYTES = 64 * CALL_BYTES

const NOTHING = new Uint8Array(0)

/** One client's connection: answers its calls until it goes, and ends with it whatever they started. */
export class ControlSession {
  readonly #node: Node
  readonly #channel: ControlChannel
  readonly #logger: Logger
  readonly #home: string
  readonly #gone = new AbortController()
  readonly #running = new Map<number, AbortController>()
  readonly #limit = new Limit(RUNNING_BYTES)
  readonly #turns = new ControlTurns()
  readonly #inboxes = new ControlInboxes()
  readonly #answers = new ControlAnswers()
  readonly #unopened = new Map<number, UnopenedFrames>()

  constructor(parts: ControlSessionParts) {
    this.#node = parts.node
    this.#channel = parts.channel
    this.#logger = parts.logger
    this.#home = parts.home
  }

  /** Resolves when the client has gone; never rejects. */
  async run(): Promise<void> {
    try {
      await this.#welcome()
      for (;;) {
        const message = await this.#channel.read()
        if (message === undefined) return
        await this.#accept(message)
      }
    } catch (error) {
      this.#logger.log('debug', 'A control connection ended.', { reason: errorMessage(error) })
    } finally {
      this.stop()
    }
  }

  /** Ends the connection and the calls that run on it. */
  stop(): void {
    const error = new SwarmCacheError('ERR_CLOSED', 'The client has gone.')
    this.#gone.abort(error)
    this.#turns.stop()
    this.#answers.stop()
    for (const controller of this.#running.values()) controller.abort(error)
    this.#channel.abort(error)
  }

  async #welcome(): Promise<void> {
    using deadline = startDeadline(GREETING_DEADLINE_MS, 'The greeting of a control client')
    const greeting = await abortable(this.#channel.read(), deadline.signal)
    if (greeting === undefined) throw new SwarmCacheError('ERR_CLOSED', 'The client has gone.')
    const { header } = greeting
    const mismatch = protocolMismatch(header, { node: VERSION, client: header['version'] })
    await this.#channel.greet()
    if (mismatch === undefined) return
    // Its own check of our greeting tells the client; it has nothing more to ask.
    await this.#channel.close()
    throw mismatch
  }

  /** Starts a call; waits, and so stops reading, while too much is running. */
  async #accept({ header, body }: Message): Promise<void> {
    if (typeof header['cancel'] === 'number') {
      this.#running
        .get(header['cancel'])
        ?.abort(new SwarmCacheError('ERR_ABORTED', 'The client took the call back.'))
      return
    }
    if (typeof header['settle'] === 'number') {
      this.#unopened.get(header['settle'])?.settle(header)
      return
    }
    const { id } = header
    if (!Number.isSafeInteger(id) || this.#running.has(Number(id))) {
      throw new SwarmCacheError('ERR_FRAME', 'A control call has no number of its own.')
    }
    const held = await this.#limit.acquire(CALL_BYTES + body.length, this.#gone.signal)
    const controller = new AbortController()
    const call = { id: Number(id), header, body, signal: controller.signal }
    this.#running.set(call.id, controller)
    void this.#answer(call).finally(() => {
      this.#running.delete(call.id)
      held[Symbol.dispose]()
    })
  }

  async #answer(call: Call): Promise<void> {
    const { id } = call
    try {
      if (call.header['call'] === 'readChunks') await this.#stream(call)
      else if (call.header['call'] === 'followArchive') await this.#follow(call)
      else await this.#channel.write({ id }, await this.#run(call))
    } catch (error) {
      if (this.#gone.signal.aborted) return
      await this.#channel.write({ id, error: encodeError(error) }).catch(() => this.stop())
    }
  }

  async #run({ id, header, body, signal }: Call): Promise<Uint8Array> {
    const name = header['call'] as Exclude<CallName, 'readChunks' | 'followArchive'>
    const tiers = async () => await this.#node.tiers(readRepository(header), { signal })
    switch (name) {
      case 'ping':
        return NOTHING
      case 'status':
        return encodeJson(await this.#node.status())
      case 'peers':
        return encodeJson(await this.#node.peers(readRepository(header)))
      case 'entries':
        return encodeJson(await this.#node.entries(readRepository(header)))
      case 'verify': {
        const deep = header['deep'] === true
        return encodeJson(await this.#node.verify(readRepository(header), { deep, signal }))
      }
      case 'tiers':
        await tiers()
        return NOTHING
      case 'find':
        return encodeJson(await (await tiers()).find(readQuery(header), { signal }))
      case 'readManifest':
        return await (await tiers()).readManifest(readSignedEntry(header), { signal })
      case 'has': {
        const digests = decodeDigests(body)
        return Uint8Array.from(await (await tiers()).has(digests), Number)
      }
      case 'put': {
        const frame = readFrame({ header, body })
        await (await tiers()).put(frame)
        return NOTHING
      }
      case 'inbox':
        return encodeJson(await this.#inboxes.open(readRepository(header), await tiers()))
      case 'take':
        await this.#inboxes.take(readRepository(header), await tiers(), { header, body })
        return NOTHING
      case 'putManifest':
        await (await tiers()).putManifest(readDigest(header), body)
        return NOTHING
      case 'commit': {
        const entry = readCommittedEntry(header)
        return encodeJson(await (await tiers()).commit(entry))
      }
      case 'findAnswers':
      case 'putAnswer':
      case 'countApi': {
        const answers = await this.#node.answers(readRepository(header), { signal })
        return await this.#answers.call(name, answers, { header, body, signal })
      }
      case 'takeTurn': {
        const isForAnswers = header['answers'] === true
        const repository = readRepository(header)
        const giver = isForAnswers ? (await this.#node.answers(repository)).tiers : await tiers()
        return encodeJson(await this.#takeTurn(giver, { header, id, signal }))
      }
      case 'renewTurn':
        this.#turns.renew(readTurnName(header), header['progress'])
        return NOTHING
      case 'endTurn':
        await this.#turns.end(readTurnName(header), readTurnResult(header))
        return NOTHING
      case 'company':
        return encodeJson(await (await tiers()).company(readDigest(header)))
      case 'offerPart': {
        const part = readPart({ header, body })
        return encodeJson(await (await tiers()).offerPart(readDigest(header), part))
      }
      case 'forget':
        await (
          await tiers()
        ).forget(readSignedEntry(header), {
          malformed: header['malformed'] === true,
        })
        return NOTHING
      default:
        throw new SwarmCacheError('ERR_FRAME', 'A control message asks for an unknown call.')
    }
  }

  /** Who did the work, or nothing if the turn is the client's. */
  async #takeTurn(
    tiers: Pick<Tiers, 'takeTurn'>,
    { id, header, signal }: Omit<Call, 'body'>,
  ): Promise<{ readonly by?: PeerId }> {
    const name = readTurnName(header)
    const onWaiting = this.#teller((progress: number) => ({ id, waiting: progress }))
    const turn = await tiers.takeTurn(readDigest(header), { signal, onWaiting })
    if (turn.kind === 'done') return { by: turn.by }
    if (signal.aborted) await turn.done(false)
    else this.#turns.keep(name, turn)
    return {}
  }

  /** Says something now and again: a client that does not read is told no more of what it can do without. */
  #teller<T extends unknown[]>(
    news: (...about: T) => Record<string, unknown>,
  ): (...about: T) => void {
    let isSaying = false
    return (...about) => {
      if (isSaying) return
      isSaying = true
      const said = this.#channel.write(news(...about)).catch(() => this.stop())
      void said.finally(() => (isSaying = false))
    }
  }

  async #follow({ id, header, signal }: Call): Promise<void> {
    const tiers = await this.#node.tiers(readRepository(header), { signal })
    const onArrival = this.#teller(() => ({ id, arrived: true }))
    for await (const piece of tiers.followArchive(readFollow(header), { signal, onArrival })) {
      const { header: said, body } = encodePiece(piece, this.#home)
      await this.#channel.write({ id, ...said }, body)
    }
    await this.#channel.write({ id, end: true })
  }

  async #stream({ id, header, body, signal }: Call): Promise<void> {
    const tiers = await this.#node.tiers(readRepository(header), { signal })
    const entry = readSignedEntry(header)
    const chunks = decodeRefs(body)
    const indexes = new Map(chunks.map((chunk, index) => [chunk.digest, index]))
    const unopened = new UnopenedFrames()
    this.#unopened.set(id, unopened)
    const places = new PlaceMessages(async (body) => await this.#channel.write({ id }, body))
    const options = {
      signal,
      unopened: header['unopened'] === true,
      placed: header['placed'] === true,
    }
    try {
      for await (const frame of tiers.readChunks(entry, chunks, options)) {
        const { chunk, bytes, tier, peer, place } = frame
        const index = indexes.get(chunk.digest)
        const number = unopened.add(frame)
        if (place === undefined || index === undefined || number === undefined) {
          await this.#channel.write({ id, frame: index, tier, peer, unopened: number }, bytes)
        } else {
          const path = relative(this.#home, place.path)
          await places.add({ ...place, path, frame: index, tier, peer, unopened: number })
        }
      }
      await places.flush()
      await this.#channel.write({ id, end: true })
    } finally {
      this.#unopened.delete(id)
    }
  }
}
