import { networkInterfaces } from 'node:os'
import type { NetworkInterfaceInfo } from 'node:os'

/** Interfaces by name, as `os.networkInterfaces` gives them. */
export type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

// Bridges that containers and virtual machines hang on: the same addresses exist on every host, so another
// host that dials one reaches itself or nobody.
const BRIDGE = /^(docker|br-|veth|virbr|cni|flannel|cali|podman|lxc|lxdbr|vmnet|vboxnet)/
const LINK_LOCAL = /^\/(ip4\/169\.254\.|ip6\/fe[89ab][0-9a-f]:)/i
const LOOPBACK = /^\/(ip4\/127\.|ip6\/::1\/)/

/** True if bytes to this multiaddr pass through a relay. */
export function isRelayed(address: string): boolean {
  return address.includes('/p2p-circuit')
}

/**
 * Compares multiaddrs by the order in which to dial them: direct, then loopback (another machine's
 * loopback is our own), then through a relay.
 */
export function compareAddresses(a: string, b: string): -1 | 0 | 1 {
  const difference = rank(a) - rank(b)
  if (difference === 0) return 0
  return difference < 0 ? -1 : 1
}

/** The multiaddrs worth telling others about, in dialling order: none link-local, container bridges only if nothing else is left. */
export function announceable(
  addresses: readonly string[],
  interfaces: Interfaces = networkInterfaces(),
): string[] {
  const bridged = bridgeHosts(interfaces)
  const usable = addresses.filter((address) => !LINK_LOCAL.test(address))
  const routed = usable.filter((address) => !bridged.has(hostOf(address)))
  const isOutside = (address: string): boolean => !LOOPBACK.test(address)
  const chosen = routed.some(isOutside) ? routed : usable
  return chosen.toSorted(compareAddresses)
}

function rank(address: string): number {
  return (isRelayed(address) ? 2 : 0) + (LOOPBACK.test(address) ? 1 : 0)
}

function hostOf(address: string): string {
  return address.split('/')[2] ?? ''
}

function bridgeHosts(interfaces: Interfaces): Set<string> {
  return new Set(
    Object.entries(interfaces)
      .filter(([name]) => BRIDGE.test(name))
      .flatMap(([, infos]) => infos ?? [])
      .map((info) => info.address),
  )
}
