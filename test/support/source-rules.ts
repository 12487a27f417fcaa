/** A file under src/, with its path relative to it (`swarm/libp2p-swarm.ts`). */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

// Lowest first. A part imports itself and what stands above its own line; core and async are open to all.
const LAYERS: readonly (readonly string[])[] = [
  ['core'],
  ['async'],
  ['identity', 'archive', 'store'],
  ['registry', 'swarm'],
  ['router', 'transfer', 'lease'],
  ['cache', 'api-cache'],
  ['gateway'],
  ['node'],
  ['config'],
  ['compose'],
  ['action', 'cli', 'index'],
  ['actions-cache'],
]
const OPEN_PARTS = new Set(['core', 'async', 'config', 'compose', 'index'])
const DOORS = new Set(['action', 'cli'])

interface Fence {
  readonly packages: RegExp
  readonly inside: RegExp
}

const FENCES: readonly Fence[] = [
  { packages: /^(libp2p|@libp2p\/.*|@chainsafe\/.*|@multiformats\/.*)$/, inside: /^swarm\// },
  { packages: /^jose(\/.*)?$/, inside: /^identity\// },
  { packages: /^(octokit|@octokit\/.*)$/, inside: /^(registry\/github-|api-cache\/)/ },
  { packages: /^@actions\/core$/, inside: /^action\// },
  { packages: /^@actions\/cache$/, inside: /^store\/actions-cache-/ },
]
// Settings enter at the doors, the CLI's entry hands its environment to config.ts, and a worker's is made for it.
const READS_ENVIRONMENT = /^(config\.ts|action\/inputs\.ts|cli\/swarmcache\.ts|.*-worker\.ts)$/

const MAX_LINES = 400
const FORBIDDEN_WORDS = new Set(
  'util utils helper helpers common manager impl base misc'.split(' '),
)
const FORBIDDEN_DECLARATION =
  /\b(?:class|interface|type|function)\s+(I[A-Z]\w*|\w*(?:Utils?|Helpers?|Manager|Impl))\b/g

/** One line for each broken rule, naming the file. */
export function brokenRules(files: readonly SourceFile[]): string[] {
  return [...files.flatMap(fileRules), ...missingContracts(files)]
}

function fileRules(file: SourceFile): string[] {
  const part = partOf(file.path)
  const found = [...nameRules(file)]
  if (rankOf(part) === -1) found.push(`${part} is no part of the design`)
  const code = withoutComments(file.text)
  for (const specifier of importsOf(code)) found.push(...importRules(file.path, specifier))
  for (const name of constructed(file.path, code)) {
    found.push(`constructs ${name} of another part; only compose.ts does that`)
  }
  if (
    /\bprocess\.env\b|\benv\b[^=\n]*=\s*process\b/.test(code) &&
    !READS_ENVIRONMENT.test(file.path)
  ) {
    found.push('reads process.env; take the setting from Config')
  }
  return found.map((rule) => `${file.path}: ${rule}`)
}

function nameRules(file: SourceFile): string[] {
  const found: string[] = []
  const lines = file.text.split('\n').length - 1
  if (lines > MAX_LINES)
    found.push(`has ${lines} lines, more than ${MAX_LINES}; split it by concern`)
  for (const name of file.path.replace(/\.d?\.?ts$/, '').split('/')) {
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) found.push(`"${name}" is not kebab-case`)
    const word = name.split('-').find((piece) => FORBIDDEN_WORDS.has(piece))
    if (word !== undefined) found.push(`"${word}" in a name says nothing; name what it is`)
  }
  for (const match of withoutComments(file.text).matchAll(FORBIDDEN_DECLARATION)) {
    found.push(`declares ${match[1]}; name what it is`)
  }
  return found
}

function importRules(path: string, specifier: string): string[] {
  if (!specifier.startsWith('.')) return packageRules(path, specifier)
  const part = partOf(path)
  const target = resolvePath(path, specifier)
  if (target === undefined) return [`imports ${specifier}, which is outside src`]
  const targetPart = partOf(target)
  if (targetPart === part) return []
  if (rankOf(targetPart) >= rankOf(part)) {
    return [`imports ${target}, but ${targetPart} does not lie below ${part}`]
  }
  const isContract = target === `${targetPart}/${targetPart}.ts`
  if (part !== 'compose' && !OPEN_PARTS.has(targetPart) && !isContract) {
    return [`imports ${target}; across folders only ${targetPart}/${targetPart}.ts is open`]
  }
  return []
}

function packageRules(path: string, specifier: string): string[] {
  if (specifier.startsWith('node:')) return []
  if (partOf(path) === 'core' || partOf(path) === 'async') {
    return [`imports ${specifier}, but core and async use node: only`]
  }
  const fence = FENCES.find(({ packages }) => packages.test(specifier))
  if (fence === undefined || fence.inside.test(path)) return []
  return [`imports ${specifier}, which belongs in ${fence.inside.source}`]
}

/** Names of classes that the code takes from another part and constructs. */
function constructed(path: string, code: string): string[] {
  const part = partOf(path)
  if (part === 'compose') return []
  const names: string[] = []
  for (const match of code.matchAll(/\bimport\s*\{([^}]*)\}\s*from\s*['"](\.[^'"]*)['"]/g)) {
    const target = partOf(resolvePath(path, match[2]!) ?? '')
    if (target === part || OPEN_PARTS.has(target)) continue
    names.push(...match[1]!.split(',').map((name) => name.replace(/^.*\sas\s/, '').trim()))
  }
  return names.filter((name) => name !== '' && new RegExp(`\\bnew\\s+${name}\\b`).test(code))
}

function missingContracts(files: readonly SourceFile[]): string[] {
  const paths = new Set(files.map(({ path }) => path))
  const parts = new Set(
    files.filter(({ path }) => path.includes('/')).map(({ path }) => partOf(path)),
  )
  return [...parts]
    .filter((part) => !OPEN_PARTS.has(part) && !DOORS.has(part) && !paths.has(`${part}/${part}.ts`))
    .map((part) => `${part}: has no contract ${part}/${part}.ts`)
}

/** Every module that the code names: imports, re-exports, import(), require() and files taken by URL. */
function importsOf(code: string): string[] {
  const patterns = [
    /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*['"]([^'"]+)['"]/g,
    /\bimport\s*['"]([^'"]+)['"]/g,
    /\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g,
    /\bnew\s+URL\s*\(\s*['"`](\.[^'"`]+\.[jt]s)['"`]/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1]!))
}

function withoutComments(text: string): string {
  const stringOrComment =
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g
  return text.replace(stringOrComment, (_, quoted: string | undefined) => quoted ?? '')
}

function partOf(path: string): string {
  return path.split('/')[0]!.replace(/\.ts$/, '')
}

function rankOf(part: string): number {
  return LAYERS.findIndex((layer) => layer.includes(part))
}

function resolvePath(from: string, specifier: string): string | undefined {
  const pieces = from.split('/').slice(0, -1)
  for (const piece of specifier.split('/')) {
    if (piece === '..') {
      if (pieces.pop() === undefined) return undefined
    } else if (piece !== '.') pieces.push(piece)
  }
  return pieces.join('/')
}
