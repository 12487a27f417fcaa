import { inputError } from './errors.ts'

const UNITS: Record<string, number> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
}

/**
 * Bytes of a size such as `10GB`, `512 MiB` or `1000000`.
 *
 * @throws ERR_INPUT naming `setting`, the value and the form it should have.
 */
export function parseSize(text: string, setting: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text)
  const unit = UNITS[(match?.[2] || 'b').toLowerCase()]
  const bytes = match === null || unit === undefined ? NaN : Math.round(Number(match[1]) * unit)
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw inputError(
      `${setting} is "${text}", which is not a size. Write a number above zero with a unit, for example 10GB or 512MiB.`,
      { setting, value: text },
    )
  }
  return bytes
}

/** A size for people, `479 MB`, `1.2 GB`. */
export function formatSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}
