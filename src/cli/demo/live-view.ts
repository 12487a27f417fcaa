import { connectToNode } from '../../compose.ts'
import type { Node, PeerStatus } from '../../node/node.ts'
import { formatSize } from '../../core/sizes.ts'
import type { DemoRunner } from './demo-runner.ts'

const INTERVAL_MS = 500

/** Bytes that a runner got from each other one, by peer id, and gave to all of them, as they were sent. */
export interface RunnerTraffic {
  readonly receivedFrom: ReadonlyMap<string, number>
  readonly received: number
  readonly sent: number
}

/** Prints, twice a second, what every runner has sent to and received from others. */
export class LiveView {
  readonly #runners: readonly DemoRunner[]
  readonly #repository: string
  readonly #print: (line: string) => void
  readonly #started = performance.now()
  /** What each runner said last of each of its peers. */
  readonly #known = new Map<string, Map<string, PeerStatus>>()
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()

  constructor(runners: readonly DemoRunner[], repository: string, print: (line: string) => void) {
    this.#runners = runners
    this.#repository = repository
    this.#print = print
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#running = this.#running.then(async () => await this.#show())
    }, INTERVAL_MS)
  }

  /** Ends the view; what each runner got and gave, by its name. */
  async stop(): Promise<Map<string, RunnerTraffic>> {
    clearInterval(this.#timer)
    await this.#running
    return await this.#traffic()
  }

  async #show(): Promise<void> {
    const traffic = await this.#traffic()
    const columns = [...traffic].map(
      ([name, { sent, received }]) =>
        `${name.replace('runner ', '#')} got ${formatSize(received)} gave ${formatSize(sent)}`,
    )
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1)
    this.#print(`  ${seconds} s | ${columns.join(' | ')}`)
  }

  async #traffic(): Promise<Map<string, RunnerTraffic>> {
    const all = await Promise.all(
      this.#runners.map(async (runner) => [runner.name, await this.#trafficOf(runner)] as const),
    )
    return new Map(all)
  }

  async #trafficOf(runner: DemoRunner): Promise<RunnerTraffic> {
    const known = this.#known.get(runner.name) ?? new Map<string, PeerStatus>()
    this.#known.set(runner.name, known)
    for (const peer of await this.#peersOf(runner)) known.set(peer.peerId, peer)
    const peers = [...known.values()]
    return {
      receivedFrom: new Map(peers.map((peer) => [peer.peerId, peer.bytesReceived])),
      received: peers.reduce((sum, peer) => sum + peer.bytesReceived, 0),
      sent: peers.reduce((sum, peer) => sum + peer.bytesSent, 0),
    }
  }

  /** None where the node is too busy to answer: then what it said before still counts. */
  async #peersOf({ home }: DemoRunner): Promise<PeerStatus[]> {
    let node: Node | undefined
    try {
      node = await connectToNode(home)
      return (await node?.peers(this.#repository)) ?? []
    } catch {
      return []
    } finally {
      await node?.stop()
    }
  }
}
