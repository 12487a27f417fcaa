/** A response whose body has arrived. */
export interface WholeResponse {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly body: Uint8Array
  /** Where it came from, after redirects. */
  readonly url: string
  readonly redirected: boolean
}

/** The whole of a response; or, if that is more than some bytes, the response itself, as it was. */
export type ReadResponse =
  | { readonly kind: 'whole'; readonly response: WholeResponse }
  | { readonly kind: 'large'; readonly response: Response }

// Fetch allows no body with these.
const WITHOUT_BODY = [204, 205, 304]

/** Reads a response up to `maxBytes`; rejects as its body does, if that breaks off. */
export async function readResponse(response: Response, maxBytes: number): Promise<ReadResponse> {
  if (Number(response.headers.get('content-length') ?? 0) > maxBytes) {
    return { kind: 'large', response }
  }
  const reader = response.body?.getReader()
  const pieces: Uint8Array[] = []
  let bytes = 0
  while (reader !== undefined) {
    const next = await reader.read()
    if (next.done) break
    pieces.push(next.value)
    bytes += next.value.length
    if (bytes > maxBytes) {
      const body = continued(pieces, reader)
      return { kind: 'large', response: makeResponse(body, response, response.headers) }
    }
  }
  const { status, statusText, headers, url, redirected } = response
  const body = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  return { kind: 'whole', response: { status, statusText, headers, body, url, redirected } }
}

/** A response with another body and other headers, which says that it came from the same place. */
export function makeResponse(
  body: Uint8Array | ReadableStream<Uint8Array> | null,
  from: Pick<Response, 'status' | 'statusText' | 'url' | 'redirected'>,
  headers: Headers,
): Response {
  const { status, statusText, url, redirected } = from
  const content = WITHOUT_BODY.includes(status) ? null : body
  const response = new Response(content as ConstructorParameters<typeof Response>[0], {
    status,
    statusText,
    headers,
  })
  Object.defineProperties(response, {
    url: { value: url },
    redirected: { value: redirected },
  })
  return response
}

function continued(
  pieces: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  const waiting = [...pieces]
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const first = waiting.shift()
        const next = first === undefined ? await reader.read() : { done: false, value: first }
        if (next.done) controller.close()
        else controller.enqueue(next.value!)
      },
      async cancel(reason) {
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
}
