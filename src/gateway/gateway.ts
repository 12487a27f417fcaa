import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request to the HTTP door, as the route that it belongs to sees it. */
export interface RoutedRequest {
  readonly message: IncomingMessage
  /** Path and query behind the route's prefix, without a slash at the start. */
  readonly rest: string
  /** The URL of the prefix as the client wrote it, without a slash at the end. */
  readonly base: string
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal
}

/** What the HTTP door answers below some paths. */
export interface HttpRoute {
  /** Each with a slash at both ends. */
  readonly prefixes: readonly string[]
  /** Answers one request; what it rejects with becomes a 502 if nothing was sent yet. */
  handle(request: RoutedRequest, response: ServerResponse): Promise<void>
}

/** The HTTP door of a node, for tools that speak no protocol of ours. */
export interface Gateway {
  /** Base URL without a slash at the end; once it has started. */
  readonly url: string
  /** @throws ERR_INPUT if it cannot listen there. */
  start(): Promise<void>
  /** Lets running answers end for a moment, and closes every connection. */
  stop(): Promise<void>
}
