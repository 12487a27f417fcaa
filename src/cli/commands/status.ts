import { formatSize } from '../../core/sizes.ts'
import type { NodeStatus } from '../../node/node.ts'
import type { StoreReport } from '../../store/store.ts'
import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { withNode } from '../node-access.ts'

const PROOFS: Readonly<Record<NodeStatus['membership']['proof'], string>> = {
  key: 'swarm key',
  oidc: 'ID token',
  both: 'swarm key and ID token',
  none: 'none',
}

/** `swarmcache status`. */
export const status: Command = {
  flags: { verify: { help: 'read and check everything stored; exit 1 if something is damaged' } },
  takesPaths: false,
  async run(call) {
    const report = await withNode(call, { join: false }, async ({ node, request }) => {
      const { repository } = request
      await node.tiers(repository, { signal: call.signal })
      const verified = call.switches.has('verify')
        ? await node.verify(repository, { deep: true, signal: call.signal })
        : undefined
      return { status: await node.status(), verified }
    })
    const running = report.status.pid !== process.pid
    call.terminal.answer(
      { running, ...report.status, verify: report.verified },
      describe(report.status, running, report.verified),
    )
    return (report.verified?.problems.length ?? 0) > 0 ? EXIT.failed : EXIT.done
  },
}

function describe(
  { version, pid, home, role, uptimeSeconds, membership, registries, swarms }: NodeStatus,
  running: boolean,
  verified: StoreReport | undefined,
): string {
  const lines = [
    running
      ? `swarmcache ${version} runs as process ${pid} (${role}) since ${Math.round(uptimeSeconds)} s.`
      : `swarmcache ${version}: no node runs for this home.`,
    `Home: ${home}`,
  ]
  if (running) {
    lines.push(
      `Membership: ${PROOFS[membership.proof]}. ${membership.reason ?? ''}`,
      `Registries: ${registries.join(', ') || 'none'}`,
    )
  }
  for (const { repository, peerId, addresses, peers, store, api } of swarms) {
    const used = `${formatSize(store.bytes)} of ${formatSize(store.limitBytes)}`
    lines.push(`${repository}: ${store.entries} entries, ${store.chunks} chunks, ${used}`)
    if (running) lines.push(`  ${peers} peers connected to ${peerId}`)
    for (const address of addresses) lines.push(`  ${address}`)
    if (api.requests > 0) {
      const { requests, charged, saved } = api
      lines.push(`  GitHub API: ${requests} requests, ${charged} charged, ${saved} saved`)
    }
  }
  if (verified !== undefined) {
    const { chunks, manifests, entries, problems } = verified
    lines.push(
      `Verified: ${entries} entries, ${manifests} manifests, ${chunks} chunks, ${problems.length} problems`,
      ...problems.map((problem) => `  ${problem}`),
    )
  }
  return lines.join('\n')
}
