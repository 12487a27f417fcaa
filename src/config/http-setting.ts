import { isIP } from 'node:net'
import { inputError } from '../core/errors.ts'

/** Where the HTTP door listens. */
export interface HttpSetting {
  /** A name or an address. */
  readonly host: string
  readonly port: number
}

const LOOPBACK = '127.0.0.1'

/**
 * Reads `PORT` or `HOST:PORT`; without a host only this machine reaches the door.
 *
 * @throws ERR_INPUT for anything else.
 */
export function parseHttp(value: string | undefined): HttpSetting | undefined {
  if (value === undefined) return undefined
  const [, host = LOOPBACK, digits] = /^(?:(\[[^\]]+\]|[^:]+):)?(\d{1,5})$/.exec(value) ?? []
  const name = host.replace(/^\[(.*)\]$/, '$1')
  const isHost = isIP(name) !== 0 || /^[\w-]+(\.[\w-]+)*$/.test(name)
  const port = Number(digits)
  if (digits !== undefined && port <= 65535 && isHost) return { host: name, port }
  throw inputError(
    `SWARMCACHE_HTTP (--http) is "${value}", but must be a port, or an address and a port such as 127.0.0.1:8787.`,
  )
}
