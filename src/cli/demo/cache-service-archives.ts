import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { unlink } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pause } from '../../async/deadline.ts'
import type { ArchivePart, CacheServiceEntries, ServiceEntry } from './cache-service-entries.ts'
import { damage, discardBody } from './cache-service-faults.ts'
import type { TransferFault } from './cache-service-faults.ts'

/** Bytes moved by the service, counted as they pass. */
export interface TransferCounts {
  bytesUp: number
  bytesDown: number
}

/** Bounds on the rate of each direction; undefined is unlimited. */
export interface TransferRates {
  readonly uploadBytesPerSecond?: number
  readonly downloadBytesPerSecond?: number
}

// Small enough that a slow rate is smooth, large enough that a fast one costs little.
const PIECE_BYTES = 64 * 1024
const MAX_BLOCK_LIST_BYTES = 8 * 1024 * 1024

/** Spreads bytes over time so that all transfers of one direction together keep a rate. */
export class Pacer {
  readonly #bytesPerSecond: number | undefined
  #free = 0

  constructor(bytesPerSecond?: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  async take(bytes: number): Promise<void> {
    if (this.#bytesPerSecond === undefined) return
    const now = performance.now()
    this.#free = Math.max(this.#free, now) + (bytes / this.#bytesPerSecond) * 1000
    if (this.#free - now > 1) await pause(this.#free - now)
  }
}

/** Moves archives between clients and files: Azure's block blobs, the older protocol's ranges, plain downloads. */
export class CacheServiceArchives {
  readonly counts: TransferCounts = { bytesUp: 0, bytesDown: 0 }
  readonly #entries: CacheServiceEntries
  readonly #folder: string
  readonly #up: Pacer
  readonly #down: Pacer

  constructor(entries: CacheServiceEntries, folder: string, rates: TransferRates) {
    this.#entries = entries
    this.#folder = folder
    this.#up = new Pacer(rates.uploadBytesPerSecond)
    this.#down = new Pacer(rates.downloadBytesPerSecond)
  }

  /** Keeps the body as a piece of the entry under `name`; false if it does not fit into the service's bound. */
  async receivePiece(
    entry: ServiceEntry,
    name: string,
    request: IncomingMessage,
  ): Promise<boolean> {
    const file = path.join(this.#folder, randomUUID())
    const announced = Number(request.headers['content-length'] ?? 0)
    if (!(await this.#entries.claim(announced))) {
      await discardBody(request)
      return false
    }
    let claimed = announced
    let bytes = 0
    let fits = true
    const count = async function* (this: CacheServiceArchives): AsyncGenerator<Buffer> {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length
        if (bytes > claimed) {
          fits &&= await this.#entries.claim(bytes - claimed)
          if (!fits) continue
          claimed = bytes
        }
        this.counts.bytesUp += chunk.length
        await this.#up.take(chunk.length)
        yield chunk
      }
    }
    try {
      await pipeline(count.bind(this), createWriteStream(file))
      if (!fits || (announced > 0 && bytes !== announced)) throw new Error('incomplete upload')
    } catch (error) {
      this.#entries.release(claimed)
      await unlink(file).catch(() => {})
      if (!fits) return false
      throw error
    }
    const replaced = entry.pieces.get(name)
    entry.pieces.set(name, { file, bytes })
    if (replaced !== undefined) await this.#entries.discard([replaced])
    return true
  }

  /** Puts pieces in the given order; false if one is missing. Others are deleted. */
  async assemble(entry: ServiceEntry, names: readonly string[]): Promise<boolean> {
    const archive: ArchivePart[] = []
    for (const name of names) {
      const piece = entry.pieces.get(name)
      if (piece === undefined) return false
      archive.push(piece)
    }
    const known = [...(entry.archive ?? []), ...entry.pieces.values()]
    const unused = known.filter((piece) => !archive.includes(piece))
    entry.pieces.clear()
    entry.archive = archive
    entry.sizeBytes = archive.reduce((total, piece) => total + piece.bytes, 0)
    await this.#entries.discard(unused)
    return true
  }

  /** Puts the pieces of the older protocol, named by their offset, in order; false if they leave a gap. */
  async assembleRanges(entry: ServiceEntry): Promise<boolean> {
    const names = [...entry.pieces.keys()].sort((a, b) => Number(a) - Number(b))
    let expected = 0
    for (const name of names) {
      if (Number(name) !== expected) return false
      expected += entry.pieces.get(name)!.bytes
    }
    return await this.assemble(entry, names)
  }

  /** Sends an archive with its length, or the range of it that is asked for. */
  async send(
    entry: ServiceEntry,
    request: IncomingMessage,
    response: ServerResponse,
    fault?: TransferFault,
  ): Promise<void> {
    const { start, end, isPart } = rangeOf(request, entry.sizeBytes)
    response.writeHead(isPart ? 206 : 200, {
      'content-type': 'application/octet-stream',
      'content-length': end - start,
      ...(isPart && { 'content-range': `bytes ${start}-${end - 1}/${entry.sizeBytes}` }),
    })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    response.flushHeaders()
    const pacer = fault?.kind === 'slow' ? new Pacer(fault.bytesPerSecond) : this.#down
    const counts = this.counts
    const read = async function* (): AsyncGenerator<Buffer> {
      let at = start
      let partStart = 0
      for (const part of entry.archive ?? []) {
        const first = at - partStart
        partStart += part.bytes
        if (first >= part.bytes || at >= end) continue
        const last = first + Math.min(part.bytes - first, end - at) - 1
        const options = { highWaterMark: PIECE_BYTES, start: first, end: last }
        for await (const chunk of createReadStream(part.file, options) as AsyncIterable<Buffer>) {
          const piece = fault === undefined ? chunk : damage(chunk, at, fault)
          await pacer.take(piece.length)
          counts.bytesDown += piece.length
          at += piece.length
          yield piece
          if (piece.length < chunk.length) {
            // Held open until the client or the service goes away, or cut in the middle.
            if (fault?.kind === 'truncate') response.destroy()
            await new Promise((resolve) => response.once('close', resolve))
            return
          }
        }
      }
    }
    await pipeline(read, response)
  }
}

/** What a request asks for of so many bytes; all of them if that is no range, as HTTP has it. */
function rangeOf(
  { headers }: IncomingMessage,
  bytes: number,
): { readonly start: number; readonly end: number; readonly isPart: boolean } {
  const given = headers['x-ms-range'] ?? headers.range ?? ''
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(String(given)) ?? []
  const start = Number(first ?? NaN)
  if (!(start < bytes)) return { start: 0, end: bytes, isPart: false }
  return { start, end: Math.min(bytes, Number(last || bytes) + 1), isPart: true }
}

/** Ids of a block list in order, as Azure's `PUT …&comp=blocklist` sends them. */
export function parseBlockList(xml: string): string[] {
  const ids: string[] = []
  for (const match of xml.matchAll(/<(?:Latest|Committed|Uncommitted)>([^<]+)</g))
    ids.push(match[1]!)
  return ids
}

/** The whole body as text. @throws if it is larger than `limitBytes`. */
export async function readText(
  request: IncomingMessage,
  limitBytes: number = MAX_BLOCK_LIST_BYTES,
): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limitBytes) throw new Error(`a body has more than ${limitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
