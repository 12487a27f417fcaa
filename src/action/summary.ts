import * as core from '@actions/core'
import type { ApiStats } from '../api-cache/api-cache.ts'
import type { RestoreResult, SaveResult } from '../cache/cache.ts'
import type { BytesByTier } from '../core/chunk.ts'
import { errorMessage } from '../core/errors.ts'
import { formatSize } from '../core/sizes.ts'
import { mainSource } from './outputs.ts'

/** Adds a restore to the summary of the job. */
export async function writeRestoreSummary(
  result: RestoreResult,
  lookupOnly: boolean,
): Promise<void> {
  await writeSummary(restoreTable(result, lookupOnly))
}

/** Adds a save to the summary of the job. */
export async function writeSaveSummary(result: SaveResult): Promise<void> {
  await writeSummary(saveTable(result))
}

/** Adds what became of the job's requests to the GitHub API, if there were any. */
export async function writeApiSummary(stats: ApiStats): Promise<void> {
  if (stats.requests > 0) await writeSummary(apiTable(stats))
}

/** Requests to the API as a table in Markdown. */
export function apiTable({ tiers, ...counts }: ApiStats): string {
  const { requests, charged, saved, free, collapsed, stale, failed } = counts
  const without = [
    [free, 'confirmed at no cost'],
    [collapsed, 'together with others'],
    [stale, 'not asked again'],
  ] as const
  const how = without.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`)
  const from = Object.entries(tiers).filter(([tier, count]) => count > 0 && tier !== 'upstream')
  return table('GitHub API', {
    Requests: String(requests),
    Charged: String(charged),
    Saved: saved === 0 ? '0' : `${saved} (${how.join(', ')})`,
    'Answers from': from.map(([tier, count]) => `${tier} ${count}`).join(', '),
    Failed: failed === 0 ? '' : String(failed),
  })
}

/** A restore as a table in Markdown. */
export function restoreTable(result: RestoreResult, lookupOnly: boolean): string {
  const { matchedKey, bytes } = result
  const matched = matchedKey === undefined || matchedKey === result.key ? '' : code(matchedKey)
  const skipped = result.skipped === 0 ? '' : ` (${result.skipped} in place already)`
  return table('Cache restore', {
    Key: code(result.key),
    Hit: [lookupOnly ? `${result.hit} (lookup only)` : result.hit, matched].join(' ').trim(),
    Source: mainSource(bytes),
    Bytes: bytesOfTiers(bytes),
    // What the upstream restores it does not count.
    Files: result.files === 0 ? '' : `${result.files}${skipped}`,
    Peers: String(result.peers),
    Time: seconds(result.milliseconds),
  })
}

/** A save as a table in Markdown. */
export function saveTable(result: SaveResult): string {
  const { bytes, chunks } = result
  return table('Cache save', {
    Key: code(result.key),
    Saved: result.saved ? 'yes' : `no: ${result.reason ?? 'the key is taken'}`,
    Content: `${formatSize(bytes.content)} in ${result.files} files`,
    New: `${formatSize(bytes.new)}, ${chunks.new} of ${chunks.total} chunks`,
    Stored: formatSize(bytes.stored),
    Time: seconds(result.milliseconds),
  })
}

function table(title: string, cells: Readonly<Record<string, string>>): string {
  const shown = Object.entries(cells).filter(([, value]) => value !== '')
  const row = (values: readonly string[]): string => `| ${values.map(cell).join(' | ')} |`
  return [
    `#### ${title}`,
    '',
    row(shown.map(([name]) => name)),
    row(shown.map(() => '---')),
    row(shown.map(([, value]) => value)),
    '',
    '',
  ].join('\n')
}

function bytesOfTiers(bytes: BytesByTier): string {
  return Object.entries(bytes)
    .filter(([, count]) => count > 0)
    .map(([tier, count]) => `${tier} ${formatSize(count)}`)
    .join(', ')
}

function code(text: string): string {
  return `<code>${text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`)}</code>`
}

function cell(text: string): string {
  return text.replaceAll('|', '&#124;').replace(/\s+/g, ' ')
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`
}

async function writeSummary(markdown: string): Promise<void> {
  try {
    await core.summary.addRaw(markdown).write()
  } catch (error) {
    // Not every runner has job summaries.
    core.debug(`No summary was written: ${errorMessage(error)}`)
  }
}
