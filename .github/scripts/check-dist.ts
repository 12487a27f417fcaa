// Fails if the committed bundle is not what the source gives.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BUNDLE_FOLDER, bundleAction } from './bundle.ts'

const fresh = await mkdtemp(join(tmpdir(), 'swarmcache-bundle-'))
try {
  await bundleAction(fresh)
  const differing = await differences(BUNDLE_FOLDER, fresh)
  if (differing.length > 0) {
    console.error(`dist/action is not up to date: ${differing.join(', ')}.`)
    console.error('Run "npm run bundle" and commit dist/action.')
    process.exitCode = 1
  }
} finally {
  await rm(fresh, { recursive: true, force: true })
}

async function differences(committed: string, fresh: string): Promise<string[]> {
  const names = new Set([...(await filesOf(committed)), ...(await filesOf(fresh))])
  const differing: string[] = []
  for (const name of [...names].toSorted()) {
    const [old, now] = await Promise.all([read(join(committed, name)), read(join(fresh, name))])
    if (old === undefined) differing.push(`${name} is missing`)
    else if (now === undefined) differing.push(`${name} is left over`)
    else if (!old.equals(now)) differing.push(`${name} differs`)
  }
  return differing
}

async function filesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    return []
  }
}

async function read(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined
  }
}
