import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { suite, test } from 'node:test'
import { runCampaign } from '../../fuzz/campaign.ts'
import { decodeCase } from '../../fuzz/case-file.ts'
import { Finding, probe } from '../../fuzz/decoder.ts'
import type { Decoder } from '../../fuzz/decoder.ts'
import { DECODERS } from '../../fuzz/decoders.ts'

// A share of what `npm run fuzz` does, of some seconds in all; the seed is fixed, so that it says the same each time.
const INPUTS = 400
const SEED = 7
const CASES = new URL('../../fuzz/cases/', import.meta.url)
const options = { timeout: 60_000 }

suite('every decoder keeps its promises', () => {
  for (const decoder of DECODERS) {
    test(
      `for ${decoder.name}: valid inputs are read, mutants read or refused`,
      options,
      async () => {
        const { found, inputs } = await runCampaign(decoder, { seed: SEED, inputs: INPUTS })
        assert.deepEqual(found, [])
        assert.ok(inputs >= INPUTS)
      },
    )
  }
})

suite('inputs that once broke a promise', () => {
  for (const decoder of DECODERS) {
    const folder = new URL(`${decoder.name}/`, CASES)
    for (const name of existsSync(folder) ? readdirSync(folder) : []) {
      test(`of ${decoder.name} no longer do: ${name}`, options, async () => {
        await probe(decoder, decodeCase(readFileSync(new URL(name, folder), 'utf8')))
      })
    }
  }
})

suite('a campaign', () => {
  const broken: Decoder = {
    ...DECODERS.find(({ name }) => name === 'transfer-ids')!,
    decode(bytes: Uint8Array) {
      if (bytes.length > 100) throw new RangeError('out of bounds')
      return bytes.length % 4 === 0 ? [] : undefined
    },
    encode: () => new Uint8Array(),
  }

  test('finds errors that are not documented and encodings that differ', options, async () => {
    const { found } = await runCampaign(broken, { seed: SEED, inputs: 5000 })
    const messages = found.map(({ message }) => message).join('\n')
    assert.match(messages, /out of bounds/)
    assert.match(messages, /another encoding/)
  })

  test('finds the same again from what it keeps in a file', options, async () => {
    const { encodeCase } = await import('../../fuzz/case-file.ts')
    const { found } = await runCampaign(broken, { seed: SEED, inputs: 5000 })
    const [{ input, message }] = found as [(typeof found)[0]]
    const again = decodeCase(encodeCase(input))
    assert.throws(
      () => void probe(broken, again),
      (error) =>
        error instanceof Finding && error.message.split('\n')[0] === message.split('\n')[0],
    )
  })

  test('does the same for the same seed', options, async () => {
    const run = async () => {
      const { found, ...counts } = await runCampaign(broken, { seed: 11, inputs: 2000 })
      return { ...counts, found: found.map(({ input }) => input) }
    }
    assert.deepEqual(await run(), await run())
  })
})
