import { isPeerId } from './peer.ts'
import { inputError } from './errors.ts'

const ADDRESS =
  /^\/(?:ip4\/(?<ip4>[^/]+)|ip6\/(?<ip6>[^/]+)|(?:dns|dns4|dns6)\/(?<host>[^/]+))\/tcp\/(?<port>\d{1,5})(?:\/p2p\/(?<peer>[^/]+))?$/
const EXAMPLE = '/ip4/192.0.2.7/tcp/4001'

/**
 * A multiaddr over TCP that a node may listen on or dial, as it was written.
 *
 * @throws ERR_INPUT naming `setting`, the address and what is wrong with it.
 */
export function parseAddress(text: string, setting: string): string {
  const fail = (why: string): never => {
    throw inputError(`${setting} contains "${text}", ${why}. Write for example ${EXAMPLE}.`, {
      setting,
      address: text,
    })
  }
  const parts = ADDRESS.exec(text)?.groups
  if (parts === undefined) return fail('which is not a multiaddr of a TCP address')
  if (Number(parts['port']) > 65535) return fail('whose port is above 65535')
  if (parts['ip4'] !== undefined && !isIp4(parts['ip4'])) return fail('whose IPv4 address is wrong')
  if (parts['ip6'] !== undefined && !isIp6(parts['ip6'])) return fail('whose IPv6 address is wrong')
  if (parts['peer'] !== undefined && !isPeerId(parts['peer'])) {
    return fail('whose peer id is not that of an Ed25519 key (12D3Koo…)')
  }
  return text
}

/**
 * A multiaddr that also says who answers there, `…/p2p/<peer id>`.
 *
 * @throws ERR_INPUT as `parseAddress` does, and if the peer id is missing.
 */
export function parseBootstrapAddress(text: string, setting: string): string {
  const address = parseAddress(text, setting)
  if (!address.includes('/p2p/')) {
    throw inputError(
      `${setting} contains "${text}", which does not say whom to expect there. Add /p2p/ and the peer id, as "swarmcache serve" prints it.`,
      { setting, address: text },
    )
  }
  return address
}

function isIp4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)
}

function isIp6(text: string): boolean {
  return URL.canParse(`http://[${text}]/`)
}
