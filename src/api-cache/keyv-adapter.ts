import { inputError } from '../core/errors.ts'

// https://keyv.org/docs/ lists the official adapters; each is a package that users install themselves.
const PACKAGES: Readonly<Record<string, string>> = {
  redis: '@keyv/redis',
  rediss: '@keyv/redis',
  valkey: '@keyv/valkey',
  sqlite: '@keyv/sqlite',
  postgres: '@keyv/postgres',
  postgresql: '@keyv/postgres',
  mysql: '@keyv/mysql',
  mongodb: '@keyv/mongo',
  etcd: '@keyv/etcd',
  memcache: '@keyv/memcache',
}

type Adapter = new (uri: string) => object
type Load = (name: string) => Promise<Readonly<Record<string, unknown>>>

const importPackage: Load = async (name) =>
  (await import(name)) as Readonly<Record<string, unknown>>

/**
 * The keyv adapter of a URI such as `redis://host:6379`, from the package that its scheme stands for.
 *
 * @throws ERR_INPUT for a scheme that has none, or a package that is not installed; without the URI, which may hold
 * a password.
 */
export async function loadKeyvAdapter(
  uri: string,
  setting: string,
  load: Load = importPackage,
): Promise<object> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase() ?? ''
  const name = PACKAGES[scheme]
  if (name === undefined) {
    const known = Object.keys(PACKAGES).join(', ')
    throw inputError(`${setting} has the scheme "${scheme}", but must have one of ${known}.`)
  }
  let loaded: Readonly<Record<string, unknown>>
  try {
    loaded = await load(name)
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw inputError(
      `${setting} is a ${scheme} URI, for which the package ${name} is needed. Install it next to swarmcache: npm install ${name}`,
    )
  }
  const adapter = loaded['default']
  if (typeof adapter !== 'function') {
    throw inputError(`The package ${name} has no adapter for keyv as its default export.`)
  }
  return new (adapter as Adapter)(uri)
}
