import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request as the choice of a fault sees it. */
export interface CacheServiceRequest {
  /** Name of a Twirp method, `upload`, `download`, or of the older protocol `find`, `list`, `reserve`, `commit`. */
  readonly call: string
  /** How many requests of this name came before. */
  readonly earlier: number
}

/** A fault of an answer as a whole. */
export type AnswerFault =
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }
  /** 200 with a page that is no answer. */
  | { readonly kind: 'rubbish' }
  /** Nothing, not even headers, until the client gives up. */
  | { readonly kind: 'silence' }
  /** The connection is reset. */
  | { readonly kind: 'reset' }

/** A fault in the body of a download. */
export type TransferFault =
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** One byte in each piece is wrong. */
  | { readonly kind: 'corrupt' }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }

export type CacheServiceFault = AnswerFault | TransferFault

/** True if the fault is of the body, so that the request is answered as usual until then. */
export function isTransferFault(fault: CacheServiceFault): fault is TransferFault {
  return ['stall', 'truncate', 'corrupt', 'slow'].includes(fault.kind)
}

/** Answers a request with a fault instead of an answer. */
export async function answerWithFault(
  fault: AnswerFault,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (fault.kind === 'reset') {
    request.socket.destroy()
    return
  }
  await discardBody(request)
  if (fault.kind === 'status') {
    const body = fault.body ?? JSON.stringify({ code: 'internal', msg: 'a fault was asked for' })
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers })
    response.end(body)
  } else if (fault.kind === 'rubbish') {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end('<!doctype html><title>Log in to the guest network</title>')
  }
}

/** Reads a body to its end; a client that is answered earlier may see a broken connection instead. */
export async function discardBody(request: IncomingMessage): Promise<void> {
  request.resume()
  if (!request.readableEnded) await once(request, 'end')
}

/** The chunk at `offset` of a body as the fault lets it pass; shorter where the body ends early. */
export function damage(chunk: Buffer, offset: number, fault: TransferFault): Buffer {
  if (fault.kind === 'stall' || fault.kind === 'truncate') {
    return chunk.subarray(0, Math.max(0, Math.min(chunk.length, fault.afterBytes - offset)))
  }
  if (fault.kind === 'corrupt') {
    const copy = Buffer.from(chunk)
    const index = Math.floor(copy.length / 2)
    copy[index] = (copy[index] ?? 0) ^ 0xff
    return copy
  }
  return chunk
}
