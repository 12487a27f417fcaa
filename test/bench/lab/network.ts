import { execFileSync } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'

/** One machine of the network: what it is called and how fast its link is. */
export interface LabHost {
  readonly name: string
  /** Megabits per second in each direction. */
  readonly upMbit: number
  readonly downMbit: number
}

/** A machine of a network that is up. */
export interface LabNamespace extends LabHost {
  /** For `ip netns exec`. */
  readonly namespace: string
  readonly address: string
}

/** Bytes that have crossed a machine's link, frames and all. */
export interface LinkBytes {
  readonly sent: number
  readonly received: number
}

const PREFIX = 'swbench'
// Addresses exist only inside the namespaces: nothing of this is routed to or from the machine's own network.
const SUBNET = '10.213.77'
const MAX_HOSTS = 200
// A queue of 20 ms is what a good switch has; a full-size burst must fit into it at 10 Mbit/s.
const BURST_BYTES = 32 * 1024
const QUEUE_MS = 20
// What Linux gives a network card: a machine makes its own programs wait, where a switch drops what is too much.
const CARD_QUEUE = ['pfifo', 'limit', '1000']
// What a network card would cut into packets passes here as a whole, as long as it fits into a burst: one by one
// they would take half of the cores that the programs need.
const SEGMENTED_BYTES = 16 * 1024
// That of Ubuntu, whatever this machine has.
const CONGESTION_CONTROL = 'cubic'
const DRAIN_MS = 2_000

/** Why no network can be made here, or undefined. */
export function whyNoNetwork(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux'
  if (process.getuid?.() !== 0) return 'making network namespaces needs root'
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' })
    execFileSync('tc', ['-V'], { stdio: 'ignore' })
  } catch {
    return 'ip and tc (iproute2) are not installed'
  }
  return undefined
}

/**
 * Machines on one switch, each in a network namespace of its own with a rate in each direction.
 *
 * It is taken down by `close`, at the latest when the process ends; leftovers of a process that was killed
 * go when the next network is made.
 */
export class LabNetwork implements AsyncDisposable {
  readonly hosts: readonly LabNamespace[]
  readonly #hub: string
  readonly #onExit = (): void => this.#remove()

  constructor(hosts: readonly LabHost[]) {
    if (hosts.length > MAX_HOSTS) throw new RangeError(`a network has at most ${MAX_HOSTS} hosts`)
    removeLeftovers()
    const name = `${PREFIX}-${process.pid}`
    this.#hub = `${name}-hub`
    this.hosts = hosts.map((host, index) => ({
      ...host,
      namespace: `${name}-${index}`,
      address: `${SUBNET}.${index + 1}`,
    }))
    process.once('exit', this.#onExit)
    try {
      ip(['netns', 'add', this.#hub])
      inside(this.#hub, ['ip', 'link', 'add', 'switch', 'type', 'bridge'])
      inside(this.#hub, ['ip', 'link', 'set', 'switch', 'up'])
      for (const [index, host] of this.hosts.entries()) this.#plug(host, `port${index}`)
    } catch (error) {
      this.#remove()
      throw error
    }
  }

  host(name: string): LabNamespace {
    const found = this.hosts.find((host) => host.name === name)
    if (found === undefined) throw new RangeError(`there is no host "${name}"`)
    return found
  }

  /** What has crossed the link of a machine since it was plugged in. */
  traffic(host: LabNamespace): LinkBytes {
    const links = JSON.parse(
      inside(host.namespace, ['ip', '-s', '-j', 'link', 'show', 'eth0']),
    ) as { stats64: { tx: { bytes: number }; rx: { bytes: number } } }[]
    const { tx, rx } = links[0]!.stats64
    return { sent: tx.bytes, received: rx.bytes }
  }

  /** Ends everything that runs on a machine at once. */
  killAll(host: LabNamespace): void {
    for (const pid of pidsIn(host.namespace)) kill(pid, 'SIGKILL')
  }

  /** The address to which a machine has sent the most over the TCP connections it has open now. */
  busiestClient(host: LabNamespace): string | undefined {
    const sockets = inside(host.namespace, ['ss', '-tinHO', 'state', 'established'])
    const sent = new Map<string, number>()
    for (const line of sockets.split('\n')) {
      const match = /\d:\d+\s+(\d+\.\d+\.\d+\.\d+):\d+\s.* bytes_sent:(\d+)/.exec(line)
      if (match === null || match[1] === host.address) continue
      sent.set(match[1]!, (sent.get(match[1]!) ?? 0) + Number(match[2]))
    }
    return [...sent].sort((a, b) => b[1] - a[1])[0]?.[0]
  }

  async close(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (this.#signalAll(signal) === 0) break
      const deadline = performance.now() + DRAIN_MS
      while (this.#pids().length > 0 && performance.now() < deadline) await wait(20)
    }
    this.#remove()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #plug(host: LabNamespace, port: string): void {
    const { namespace, address, upMbit, downMbit } = host
    ip(['netns', 'add', namespace])
    // Made inside, so that the machine's own network never sees either end of the cable.
    inside(this.#hub, [
      'ip',
      'link',
      'add',
      port,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      namespace,
    ])
    inside(this.#hub, ['ip', 'link', 'set', port, 'master', 'switch', 'up'])
    inside(namespace, ['ip', 'link', 'set', 'lo', 'up'])
    inside(namespace, ['ip', 'address', 'add', `${address}/24`, 'dev', 'eth0'])
    const segmented = ['gso_max_size', `${SEGMENTED_BYTES}`]
    inside(namespace, ['ip', 'link', 'set', 'eth0', ...segmented])
    inside(this.#hub, ['ip', 'link', 'set', port, ...segmented])
    inside(namespace, ['ip', 'link', 'set', 'eth0', 'up'])
    const route = ['replace', `${SUBNET}.0/24`, 'dev', 'eth0', 'src', address]
    inside(namespace, ['ip', 'route', ...route, 'congctl', CONGESTION_CONTROL])
    inside(namespace, shape('eth0', upMbit))
    inside(namespace, ['tc', 'qdisc', 'add', 'dev', 'eth0', 'parent', '1:1', ...CARD_QUEUE])
    inside(this.#hub, shape(port, downMbit))
  }

  #pids(): number[] {
    return this.hosts.flatMap(({ namespace }) => pidsIn(namespace))
  }

  #signalAll(signal: NodeJS.Signals): number {
    const pids = this.#pids()
    for (const pid of pids) kill(pid, signal)
    return pids.length
  }

  #remove(): void {
    process.off('exit', this.#onExit)
    this.#signalAll('SIGKILL')
    for (const name of [...this.hosts.map(({ namespace }) => namespace), this.#hub]) {
      removeNamespace(name)
    }
  }
}

function shape(device: string, mbit: number): string[] {
  const queue = ['burst', `${BURST_BYTES}`, 'latency', `${QUEUE_MS}ms`]
  return [
    'tc',
    'qdisc',
    'add',
    'dev',
    device,
    'root',
    'handle',
    '1:',
    'tbf',
    'rate',
    `${mbit}mbit`,
    ...queue,
  ]
}

/** Namespaces whose maker is gone. */
function removeLeftovers(): void {
  for (const line of ip(['netns', 'list']).split('\n')) {
    const match = new RegExp(`^(${PREFIX}-(\\d+)-\\w+)`).exec(line)
    if (match === null || isRunning(Number(match[2]))) continue
    for (const pid of pidsIn(match[1]!)) kill(pid, 'SIGKILL')
    removeNamespace(match[1]!)
  }
}

function removeNamespace(name: string): void {
  try {
    ip(['netns', 'delete', name])
  } catch {
    // It was never made, or is gone already.
  }
}

function pidsIn(namespace: string): number[] {
  try {
    return ip(['netns', 'pids', namespace]).split('\n').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended by itself.
  }
}

function inside(namespace: string, command: readonly string[]): string {
  return ip(['netns', 'exec', namespace, ...command])
}

function ip(args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}
