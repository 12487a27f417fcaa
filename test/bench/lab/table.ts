import type { Goal, MeasuredRow, Row } from './scenario.ts'
import { judge } from './statistics.ts'

const HEADINGS = ['what', 'measured', 'baseline', 'ratio', 'goal', '']

/** The rows as a table of text, each with its baseline, what they make together and whether the goal is reached. */
export function formatTable(rows: readonly Row[]): string {
  const cells = [HEADINGS, ...rows.map(cellsOf)]
  const widths = HEADINGS.map((_, column) =>
    Math.max(...cells.map((line) => (line.length === 2 ? 0 : line[column]!.length))),
  )
  widths[0] = Math.max(...cells.map((line) => line[0]!.length))
  const lines = cells.map((line) =>
    line.length === 2
      ? `${line[0]!.padEnd(widths[0]!)}  ${line[1]}`
      : line.map((cell, column) => cell.padEnd(widths[column]!)).join('  '),
  )
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  return [lines[0]!, rule, ...lines.slice(1)].map((line) => line.trimEnd()).join('\n')
}

function cellsOf(row: Row): string[] {
  if ('skipped' in row) return [row.what, `skipped: ${row.skipped}`]
  const { value, baseline, compared, reached } = judge(row)
  return [
    row.what,
    formatValue(value, row.unit) + spread(row),
    baseline === undefined ? '' : `${formatValue(baseline, row.unit)} ${row.baseline!.what}`,
    compared === undefined ? '' : formatCompared(row.goal!, compared, row.unit),
    row.goal === undefined ? '' : formatGoal(row.goal, row.unit),
    [reached === undefined ? '' : reached ? 'reached' : 'MISSED', row.note ?? '']
      .filter((text) => text !== '')
      .join('; '),
  ]
}

function spread(row: MeasuredRow): string {
  if (row.samples.length < 2) return ''
  const low = formatNumber(Math.min(...row.samples))
  const high = formatNumber(Math.max(...row.samples))
  return ` (${low} to ${high}, n=${row.samples.length})`
}

function formatCompared(goal: Goal, compared: number, unit: MeasuredRow['unit']): string {
  if (goal.kind !== 'more-than') return `${compared.toFixed(2)}x`
  return `${compared < 0 ? '' : '+'}${formatValue(compared, unit)}`
}

function formatGoal(goal: Goal, unit: MeasuredRow['unit']): string {
  switch (goal.kind) {
    case 'times-as-fast':
      return `>= ${goal.atLeast}x as fast`
    case 'share-of':
      return `>= ${goal.atLeast}x`
    case 'within':
      return `<= ${goal.atMost}x`
    case 'more-than':
      return `<= +${formatValue(goal.atMost, unit)}`
    case 'value':
      return `<= ${formatValue(goal.atMost, unit)}`
  }
}

function formatValue(value: number, unit: MeasuredRow['unit']): string {
  return unit === 'x' || unit === '%'
    ? `${formatNumber(value)}${unit}`
    : `${formatNumber(value)} ${unit}`
}

function formatNumber(value: number): string {
  const size = Math.abs(value)
  return value.toFixed(Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 2)
}
