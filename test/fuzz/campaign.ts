import fc from 'fast-check'
import { SeededRandom } from '../support/seeded-random.ts'
import type { BlockCoverage } from './block-coverage.ts'
import { Finding, probe } from './decoder.ts'
import type { Decoder, Input, Json } from './decoder.ts'
import { mutateBytes } from './mutate-bytes.ts'
import { mutateJson } from './mutate-json.ts'

/** How much is tried. */
export interface CampaignOptions {
  readonly seed: number
  readonly inputs: number
  /** Ends earlier after this time; no limit by default. */
  readonly milliseconds?: number
  /** Keeps mutants that reach new code; without it they all start from valid inputs. */
  readonly coverage?: BlockCoverage
}

/** An input that broke a promise. */
export interface Found {
  readonly input: Input
  readonly message: string
}

/** What a campaign did. */
export interface CampaignReport {
  readonly inputs: number
  readonly accepted: number
  /** Inputs that mutants start from at the end. */
  readonly corpus: number
  readonly found: readonly Found[]
}

const VALID_INPUTS = 64
// Counters cost about as much as this many inputs.
const BATCH = 256
const MAX_CORPUS = 2048
const MAX_FOUND = 5
// Of 32 inputs; the rest are mutants.
const FRESH = 1

/** Feeds a decoder with valid inputs and mutants of them; the same for the same seed. */
export async function runCampaign(
  decoder: Decoder,
  options: CampaignOptions,
): Promise<CampaignReport> {
  const { seed, coverage } = options
  const random = new SeededRandom(seed)
  const valid = fc.sample(decoder.valid, { seed, numRuns: VALID_INPUTS })
  const corpus = [...valid]
  const found = new Map<string, Found>()
  let inputs = 0
  let accepted = 0
  const attempt = async (input: Input): Promise<void> => {
    try {
      const outcome = probe(decoder, input)
      if (typeof outcome === 'boolean' ? outcome : await outcome) accepted += 1
    } catch (error) {
      if (!(error instanceof Finding)) throw error
      const name = error.message.split('\n', 2).join(' ').replaceAll(/\d+/g, '#')
      if (!found.has(name)) found.set(name, { input, message: error.message })
    }
    inputs += 1
  }
  for (const input of valid) {
    const before = accepted + found.size
    await attempt(input)
    if (accepted + found.size === before && found.size === 0)
      throw new Error(`${decoder.name} refuses an input that is valid`)
  }
  coverage?.takeNew()
  const endsAt = performance.now() + (options.milliseconds ?? Infinity)
  while (inputs < options.inputs && performance.now() < endsAt && found.size < MAX_FOUND) {
    const batch = Array.from({ length: Math.min(BATCH, options.inputs - inputs) }, () =>
      random.below(32) < FRESH ? random.pick(valid) : mutantOf(decoder, corpus, random),
    )
    await attemptAll(batch, attempt)
    const news = coverage?.takeNew()
    if (coverage === undefined || news === undefined || news.size === 0) continue
    for (const input of batch) {
      if (news.size === 0 || corpus.length >= MAX_CORPUS) break
      await attempt(input)
      let isNew = false
      for (const block of coverage.take()) isNew = news.delete(block) || isNew
      if (isNew) corpus.push(input)
    }
  }
  return { inputs, accepted, corpus: corpus.length, found: [...found.values()] }
}

async function attemptAll(
  batch: readonly Input[],
  attempt: (input: Input) => Promise<void>,
): Promise<void> {
  // Those that wait for the thread pool wait together.
  await Promise.all(batch.map(attempt))
}

function mutantOf(decoder: Decoder, corpus: readonly Input[], random: SeededRandom): Input {
  const base = random.pick(corpus)
  const other = random.pick(corpus)
  const mutant =
    base instanceof Uint8Array
      ? mutateBytes(base, other as Uint8Array, random)
      : mutateJson(base, other as Json, random)
  return random.below(2) === 0 ? mutant : (decoder.repair?.(mutant as never) ?? mutant)
}
