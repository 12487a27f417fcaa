import type { SeededRandom } from '../support/seeded-random.ts'
import type { Json } from './decoder.ts'

const NUMBERS = [
  0,
  1,
  -1,
  0.5,
  255,
  256,
  65_535,
  65_536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  1e308,
  5e-324,
  -1e308,
]
const TEXTS = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '\0',
  '\n',
  ',',
  '..\\..',
  '/etc/passwd',
  '__proto__',
  'constructor',
  'İ',
  '\ud800',
  '\u202e',
  '::error::',
  '\u001b[2J',
  'refs/heads/main',
  'true',
  '0',
  '-1',
  '1e9',
  'a'.repeat(513),
  'b'.repeat(1025),
  'c'.repeat(9000),
  '0'.repeat(64),
  'F'.repeat(64),
  'g'.repeat(64),
]
const NAMES = ['__proto__', 'constructor', 'toString', 'length', 'id', 'entry', 'key', '']
const HEX = '0123456789abcdef'
const LONG_LIST = 70

/** `value` with some places changed, now and then by a part of `other`. */
export function mutateJson(value: Json, other: Json, random: SeededRandom): Json {
  let mutant = value
  const changes = 1 + random.below(3)
  for (let i = 0; i < changes; i += 1) mutant = changeSomewhere(mutant, other, random)
  return mutant
}

function changeSomewhere(value: Json, other: Json, random: SeededRandom): Json {
  const goesDown = random.below(6) !== 0
  if (goesDown && Array.isArray(value) && value.length > 0) {
    const at = random.below(value.length)
    return value.with(at, changeSomewhere((value as Json[])[at]!, partOf(other, random), random))
  }
  if (goesDown && isRecord(value) && Object.keys(value).length > 0) {
    const name = random.pick(Object.keys(value))
    const part = isRecord(other) ? ownOf(other, name) : other
    return { ...value, [name]: changeSomewhere(value[name]!, part, random) }
  }
  return change(value, other, random)
}

function change(value: Json, other: Json, random: SeededRandom): Json {
  switch (random.below(9)) {
    case 0:
      return other
    case 1:
      return random.pick<Json>([null, true, false, [], {}, [[]], [null], { '': 0 }])
    case 2:
      return random.pick(NUMBERS)
    case 3:
      return random.pick(TEXTS)
    case 4:
      return [value]
    case 5:
      return { value }
  }
  if (typeof value === 'string') return changeText(value, random)
  if (typeof value === 'number') return value + random.pick([-1, 1, 0.5, 2 ** 32, -(2 ** 32)])
  if (Array.isArray(value)) return changeList(value as Json[], random)
  return isRecord(value) ? changeRecord(value, random) : random.pick(TEXTS)
}

function changeText(text: string, random: SeededRandom): string {
  const at = random.below(text.length + 1)
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at) + text.slice(at + 1 + random.below(4))
    case 1:
      return text.slice(0, at) + random.pick(TEXTS) + text.slice(at)
    case 2:
      return text.toUpperCase()
    case 3:
      return `${text}${text}`
    case 4:
      return text.slice(0, at) + String.fromCharCode(random.below(0x10000)) + text.slice(at + 1)
    default:
      return text.slice(0, at) + HEX[random.below(16)]! + text.slice(at + 1)
  }
}

function changeList(list: readonly Json[], random: SeededRandom): Json {
  if (list.length === 0) return [random.pick(TEXTS)]
  const at = random.below(list.length)
  switch (random.below(3)) {
    case 0:
      return list.toSpliced(at, 1)
    case 1:
      return list.toSpliced(at, 0, list[at]!)
    default:
      return Array.from({ length: LONG_LIST }, (_, index) => list[index % list.length]!)
  }
}

function changeRecord(record: Readonly<Record<string, Json>>, random: SeededRandom): Json {
  const names = Object.keys(record)
  const name = names.length === 0 ? '' : random.pick(names)
  if (random.below(2) === 0) {
    return Object.fromEntries(Object.entries(record).filter(([each]) => each !== name))
  }
  const added = random.pick(NAMES)
  // As JSON.parse does it, which makes no prototype of it.
  return Object.fromEntries([...Object.entries(record), [added, ownOf(record, name)]])
}

function partOf(value: Json, random: SeededRandom): Json {
  if (Array.isArray(value)) return value.length === 0 ? null : random.pick(value as Json[])
  return isRecord(value) ? random.pick([null, ...Object.values(value)]) : value
}

/** Not what every object inherits, such as `constructor`, which is nothing that JSON can say. */
function ownOf(record: { readonly [name: string]: Json }, name: string): Json {
  return Object.hasOwn(record, name) ? record[name]! : null
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
