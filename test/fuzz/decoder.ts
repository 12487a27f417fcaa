import { isDeepStrictEqual } from 'node:util'
import type fc from 'fast-check'
import type { ErrorCode } from '../../src/core/errors.ts'
import { isSwarmCacheError } from '../../src/core/errors.ts'

/** What a decoder is given: bytes, or a value that JSON can say. */
export type Input = Uint8Array | Json
export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [name: string]: Json }

/** A decoder of what comes from the network or the disk, and what it promises. */
export interface Decoder {
  readonly name: string
  /** Inputs that it accepts; mutants start from them. */
  readonly valid: fc.Arbitrary<Input>
  /** The codes of the errors that it may throw; it may also say no with undefined. */
  readonly refuses: readonly ErrorCode[]
  /** What it makes of an input; undefined if it refuses it. */
  decode(input: never): unknown
  /** The input that the value would be encoded as. */
  encode?(value: never): Input
  /** True if there is one spelling only: what is accepted must be what would have been encoded. */
  readonly isCanonical?: boolean
  /** Makes checksums right again, so that more than the check of the checksum is reached. */
  repair?(input: never): Input
  /** Buffers that one input may cost at most; unbounded by default. */
  allocates?(input: never): number
}

/** A broken promise. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

// Any decoder is through with the inputs here in microseconds; this leaves room for a busy machine.
const TOO_SLOW_MS = 3000

/** Decodes one input and checks every promise; true if the decoder accepted it. @throws Finding. */
export function probe(decoder: Decoder, input: Input): boolean | Promise<boolean> {
  const mostBytes = decoder.allocates?.(input as never)
  const before = mostBytes === undefined ? 0 : process.memoryUsage().arrayBuffers
  const started = performance.now()
  let value: unknown
  try {
    value = decoder.decode(input as never)
  } catch (error) {
    return refused(decoder, error)
  } finally {
    const milliseconds = performance.now() - started
    if (milliseconds > TOO_SLOW_MS) {
      // oxlint-disable-next-line no-unsafe-finally -- a decoder that hangs is the finding, whatever it threw
      throw new Finding(`it took ${Math.round(milliseconds)} ms`)
    }
  }
  if (mostBytes !== undefined) {
    const grown = process.memoryUsage().arrayBuffers - before
    if (grown > mostBytes) throw new Finding(`it allocated ${grown} bytes of at most ${mostBytes}`)
  }
  if (!(value instanceof Promise)) return accepted(decoder, input, value)
  return value.then(
    (decoded) => accepted(decoder, input, decoded),
    (error: unknown) => refused(decoder, error),
  )
}

function refused({ refuses }: Decoder, error: unknown): false {
  if (error instanceof Finding) throw error
  if (isSwarmCacheError(error) && refuses.includes(error.code)) return false
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  throw new Finding(`it threw ${text}`)
}

function accepted(decoder: Decoder, input: Input, value: unknown): boolean {
  if (value === undefined) return false
  const encoded = decoder.encode?.(value as never)
  if (encoded === undefined) return true
  if (decoder.isCanonical === true && !isSame(encoded, input)) {
    throw new Finding('what it accepted has another encoding')
  }
  const again = decoder.decode(encoded as never)
  if (again instanceof Promise) return true
  if (!isDeepStrictEqual(again, value)) throw new Finding('decoded, encoded and decoded it differs')
  return true
}

function isSame(a: Input, b: Input): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0
  return isDeepStrictEqual(a, b)
}
