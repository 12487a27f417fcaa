import type { Input } from './decoder.ts'

/** An input as a file that people can read: bytes as hex. */
export function encodeCase(input: Input): string {
  const value =
    input instanceof Uint8Array ? { hex: Buffer.from(input).toString('hex') } : { json: input }
  return `${JSON.stringify(value)}\n`
}

/** The input in such a file. */
export function decodeCase(text: string): Input {
  const value = JSON.parse(text) as { hex: string } | { json: Input }
  return 'hex' in value ? Buffer.from(value.hex, 'hex') : value.json
}
