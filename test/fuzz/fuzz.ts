/**
 * Feeds every decoder with valid inputs and mutants of them, and keeps those that break a promise.
 *
 *   npm run fuzz -- [--inputs 1000000] [--seconds N] [--seed N] [--only NAME,NAME] [--findings FOLDER] [--plain]
 *
 * `--seconds` bounds each decoder; `--plain` leaves out the guidance by coverage, which is faster.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BlockCoverage } from './block-coverage.ts'
import { runCampaign } from './campaign.ts'
import type { Found } from './campaign.ts'
import { encodeCase } from './case-file.ts'
import { DECODERS } from './decoders.ts'
import { digestOf } from '../../src/core/digest.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    only: { type: 'string' },
    findings: { type: 'string', default: 'fuzz-findings' },
    plain: { type: 'boolean', default: false },
  },
})

const seed = Number(values.seed)
const only = values.only?.split(',')
const chosen = DECODERS.filter(({ name }) => only?.includes(name) ?? true)
let findings = 0

function keep(name: string, { input, message }: Found): void {
  const folder = join(values.findings, name)
  mkdirSync(folder, { recursive: true })
  const bytes = encodeCase(input)
  const path = join(folder, `${digestOf(bytes).slice(0, 16)}.json`)
  writeFileSync(path, bytes)
  console.log(`  ${path}: ${message}`)
}

console.log(`seed ${seed}`)
for (const decoder of chosen) {
  using coverage = values.plain ? undefined : new BlockCoverage()
  const started = performance.now()
  const report = await runCampaign(decoder, {
    seed,
    inputs: Number(values.inputs),
    milliseconds: values.seconds === undefined ? undefined : Number(values.seconds) * 1000,
    coverage,
  })
  const seconds = (performance.now() - started) / 1000
  const facts = [
    `${report.inputs} inputs in ${seconds.toFixed(1)} s`,
    `${report.accepted} accepted`,
    `corpus ${report.corpus}`,
    ...(coverage === undefined ? [] : [`${coverage.size} blocks`]),
    `${report.found.length} findings`,
  ]
  console.log(`${decoder.name}: ${facts.join(', ')}`)
  for (const found of report.found) keep(decoder.name, found)
  findings += report.found.length
}
process.exitCode = findings === 0 ? 0 : 1
