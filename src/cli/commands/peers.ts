import { pause } from '../../async/deadline.ts'
import { formatSize } from '../../core/sizes.ts'
import type { PeerStatus } from '../../node/node.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { columns } from '../help.ts'
import { withNode } from '../node-access.ts'

// A node that has just started needs a moment to find the others.
const MEETING_MS = 2000
const MEETING_POLL_MS = 50

/** `swarmcache peers`. */
export const peers: Command = {
  flags: {},
  takesPaths: false,
  async run(call) {
    const list = await withNode(call, { join: true }, async ({ node, request }) => {
      const { repository } = request
      await node.tiers(repository, { signal: call.signal })
      const { uptimeSeconds, membership } = await node.status()
      const meetingMs = membership.proof === 'none' ? 0 : MEETING_MS - uptimeSeconds * 1000
      const endMs = performance.now() + meetingMs
      let found = await node.peers(repository)
      while (found.length === 0 && performance.now() < endMs) {
        await pause(MEETING_POLL_MS, call.signal)
        found = await node.peers(repository)
      }
      return found
    })
    call.terminal.answer({ peers: list }, describe(list))
    return EXIT.done
  },
}

function describe(list: readonly PeerStatus[]): string {
  if (list.length === 0) return 'No peers are connected.'
  const rows = list.map((peer) => [
    peer.peerId,
    peer.relayed ? `${peer.address} (relayed)` : peer.address,
    `${Math.round(peer.connectedSeconds)} s`,
    formatSize(peer.bytesReceived),
    formatSize(peer.bytesSent),
  ])
  return columns([['PEER', 'ADDRESS', 'CONNECTED', 'RECEIVED', 'SENT'], ...rows]).join('\n')
}
