import { loadConfig } from '../config.ts'
import type { Config } from '../config.ts'
import type { Call, Flag } from './command.ts'

/** Flags that every command has, each with the environment variable it wins over. */
export const SETTING_FLAGS: Readonly<Record<string, Flag>> = {
  home: { value: 'FOLDER', help: 'data folder (SWARMCACHE_HOME)' },
  auth: { value: 'POLICY', help: 'proofs of membership: key, oidc or both (SWARMCACHE_AUTH)' },
  'oidc-issuer': { value: 'LIST', help: 'whose ID tokens are trusted (SWARMCACHE_OIDC_ISSUER)' },
  'oidc-token-file': {
    value: 'FILE',
    help: 'ID token of a node outside a job (SWARMCACHE_OIDC_TOKEN_FILE)',
  },
  swarm: { value: 'OF', help: 'who forms the swarm: repository or owner (SWARMCACHE_SWARM)' },
  repository: { value: 'OWNER/NAME', help: 'whose cache (SWARMCACHE_REPOSITORY)' },
  ref: { value: 'REF', help: 'scope that saves belong to, a full ref (SWARMCACHE_REF)' },
  'base-ref': { value: 'BRANCH', help: 'branch to read from too (SWARMCACHE_BASE_REF)' },
  'default-branch': {
    value: 'BRANCH',
    help: 'branch to read from last (SWARMCACHE_DEFAULT_BRANCH)',
  },
  role: { value: 'ROLE', help: 'seeder, runner or reader' },
  registry: { value: 'LIST', help: 'where peers find each other (SWARMCACHE_REGISTRY)' },
  bootstrap: { value: 'LIST', help: 'peers that are always there (SWARMCACHE_BOOTSTRAP)' },
  listen: {
    value: 'MULTIADDR',
    many: true,
    help: 'address to listen on, or none (SWARMCACHE_LISTEN)',
  },
  upstream: { value: 'POLICY', help: 'off, read or write-through (SWARMCACHE_UPSTREAM)' },
  'disk-limit': { value: 'SIZE', help: 'space on disk, for example 10GB (SWARMCACHE_DISK_LIMIT)' },
  'memory-limit': { value: 'SIZE', help: 'space in memory (SWARMCACHE_MEMORY_LIMIT)' },
  'upload-limit': {
    value: 'SIZE',
    help: 'bytes a second to all peers together (SWARMCACHE_UPLOAD_LIMIT)',
  },
  'download-limit': {
    value: 'SIZE',
    help: 'bytes a second from all peers together (SWARMCACHE_DOWNLOAD_LIMIT)',
  },
}

/**
 * The settings of a call: its flags, then its environment, then the defaults.
 *
 * @throws ERR_INPUT naming the setting that is wrong.
 */
export function readConfig({ env, values, lists }: Call): Config {
  return loadConfig({
    env,
    flags: {
      home: values['home'],
      auth: values['auth'],
      issuer: values['oidc-issuer'],
      tokenFile: values['oidc-token-file'],
      swarmOf: values['swarm'],
      repository: values['repository'],
      ref: values['ref'],
      baseRef: values['base-ref'],
      defaultBranch: values['default-branch'],
      role: values['role'],
      registry: values['registry'],
      bootstrap: values['bootstrap'],
      listen: lists['listen'],
      http: values['http'],
      upstream: values['upstream'],
      diskLimit: values['disk-limit'],
      memoryLimit: values['memory-limit'],
      uploadLimit: values['upload-limit'],
      downloadLimit: values['download-limit'],
    },
  })
}
