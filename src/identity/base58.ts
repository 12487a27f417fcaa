const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
const BASE = 58n

/** `bytes` in base58btc, without a multibase prefix; meant for short values such as peer ids. */
export function encodeBase58(bytes: Uint8Array): string {
  let value = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  while (value > 0n) {
    text = ALPHABET[Number(value % BASE)]! + text
    value /= BASE
  }
  const zeros = bytes.findIndex((byte) => byte !== 0)
  return '1'.repeat(zeros === -1 ? bytes.length : zeros) + text
}

/** The bytes that `text` stands for, or undefined if it is not base58btc. */
export function decodeBase58(text: string): Uint8Array | undefined {
  let value = 0n
  for (const digit of text) {
    const number = ALPHABET.indexOf(digit)
    if (number === -1) return undefined
    value = value * BASE + BigInt(number)
  }
  const hex = value === 0n ? '' : value.toString(16)
  const zeros = /^1*/.exec(text)![0].length
  return Buffer.from('00'.repeat(zeros) + (hex.length % 2 === 0 ? hex : `0${hex}`), 'hex')
}
