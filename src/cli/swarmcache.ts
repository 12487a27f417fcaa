#!/usr/bin/env node
// Nothing is imported before the version of Node is known to understand it.
const OLDEST_NODE = 24

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  process.stderr.write(
    `swarmcache needs Node ${OLDEST_NODE} or newer, but this is Node ${process.versions.node}. Install a newer one, for example with "npx node@${OLDEST_NODE}".\n`,
  )
  process.exitCode = 1
} else {
  const { runCommandLine } = await import('./command-line.ts')
  await runCommandLine(process.argv.slice(2), process.env)
}
