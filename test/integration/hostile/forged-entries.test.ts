import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { KIND } from '../../../src/archive/catalog.ts'
import type { CatalogRow } from '../../../src/archive/catalog.ts'
import { encodeCatalog } from '../../../src/archive/catalog-encode.ts'
import { decodeManifest } from '../../../src/core/manifest.ts'
import type { Manifest } from '../../../src/core/manifest.ts'
import type { Attacker } from '../../support/attacker.ts'
import { HostileSwarm, PATHS, WANTED } from '../../support/hostile-swarm.ts'
import { noise } from '../../support/noise.ts'

const options = { timeout: 60_000 }
const PLAIN = { pattern: 0, mode: 0o755, seconds: 5, nanos: 7, bytes: 0, target: '' }
const EVIL = Buffer.from('evil')

function row(kind: number, depth: number, name: string, more = {}): CatalogRow {
  return { ...PLAIN, kind: kind as CatalogRow['kind'], depth, name, ...more }
}

const ROOT = row(KIND.FOLDER, 0, '')
const FILE = { bytes: EVIL.length }

/** Catalogs that no packer writes; each has the file `evil` as its only content. */
const CATALOGS: Record<string, readonly CatalogRow[]> = {
  'a path upwards': [ROOT, row(KIND.FILE, 1, '..', FILE)],
  'a path upwards in one name': [ROOT, row(KIND.FILE, 1, '../outside/evil', FILE)],
  'an absolute path': [ROOT, row(KIND.FILE, 1, '/tmp/evil', FILE)],
  'a file below a link of the same catalog': [
    ROOT,
    row(KIND.SYMLINK, 1, 'a', { target: '../outside' }),
    row(KIND.FILE, 2, 'evil', FILE),
  ],
  'a device': [ROOT, row(KIND.FILE, 1, 'a', FILE), row(5, 1, 'b')],
  'a pipe': [ROOT, row(KIND.FILE, 1, 'a', FILE), row(6, 1, 'b')],
  'one name twice': [ROOT, row(KIND.FILE, 1, 'a', FILE), row(KIND.FILE, 1, 'a')],
  'a set-user-id program': [ROOT, row(KIND.FILE, 1, 'a', { ...FILE, mode: 0o4755 })],
  'a hard link to what is not in it': [
    ROOT,
    row(KIND.FILE, 1, 'a', FILE),
    row(KIND.HARD_LINK, 1, 'b', { source: ROOT }),
  ],
  'more bytes than its content': [ROOT, row(KIND.FILE, 1, 'a', { bytes: 5_000_000_000 })],
}

function forgeCatalog(attacker: Attacker, catalog: Uint8Array): void {
  const manifest = { catalog: [attacker.add(catalog)], content: [attacker.add(EVIL)] }
  attacker.forge(WANTED, PATHS, manifest)
}

async function assertHarmless(swarm: HostileSwarm, attacker: Attacker, why: RegExp): Promise<void> {
  const victim = await swarm.deceive(attacker)
  await swarm.assertBanned(victim, attacker, why)
  await swarm.assertHonestIsKept(victim)
}

for (const [what, rows] of Object.entries(CATALOGS)) {
  test(
    `a catalog with ${what} has its writer banned, and the honest entry is restored`,
    options,
    async (t) => {
      const swarm = await HostileSwarm.start(t)
      const attacker = await swarm.attacker()
      forgeCatalog(attacker, encodeCatalog(rows))
      await assertHarmless(swarm, attacker, /it signed the entry .* malformed/)
    },
  )
}

test('a catalog that claims billions of paths costs no memory', options, async (t) => {
  const swarm = await HostileSwarm.start(t)
  const attacker = await swarm.attacker()
  const catalog = Buffer.from(encodeCatalog([ROOT, row(KIND.FILE, 1, 'a', FILE)]))
  catalog.writeUInt32LE(0xffffffff, 4)
  forgeCatalog(attacker, catalog)
  const before = process.memoryUsage().rss
  await assertHarmless(swarm, attacker, /it signed the entry .* malformed/)
  assert.ok(process.memoryUsage().rss - before < 256 * 1024 * 1024)
})

/** What an attacker says of the honest content. */
const MANIFESTS: Record<string, (manifest: Manifest) => Manifest> = {
  'chunks smaller than they are': ({ catalog, content }) => ({
    catalog,
    content: content.map(({ digest, bytes }) => ({ digest, bytes: Math.max(1, bytes - 1) })),
  }),
  'chunks larger than they are': ({ catalog, content }) => ({
    catalog,
    content: content.map(({ digest, bytes }) => ({ digest, bytes: Math.min(2 ** 20, bytes + 1) })),
  }),
  'one chunk in two sizes': ({ catalog, content: [first, ...rest] }) => ({
    catalog,
    content: [first!, { ...first!, bytes: first!.bytes + 1 }, ...rest],
  }),
  'a catalog of another size': ({ catalog: [first], content }) => ({
    catalog: [{ ...first!, bytes: first!.bytes + 1 }],
    content,
  }),
  'more content than there is': ({ catalog, content }) => ({
    catalog,
    content: [...content, ...content],
  }),
}

for (const [what, lie] of Object.entries(MANIFESTS)) {
  test(
    `a manifest that tells of ${what} has its writer banned, and not the peers with the right bytes`,
    options,
    async (t) => {
      const swarm = await HostileSwarm.start(t)
      const readers = [await swarm.honestId()]
      const attacker = await swarm.attacker({ isSilent: true, readers })
      const { session } = swarm.honest
      const [entry] = await session.node.entries(swarm.repository)
      const tiers = await session.node.tiers(swarm.repository)
      const honest = decodeManifest(await tiers.readManifest(entry!), entry!.manifest)
      attacker.forge(WANTED, PATHS, lie(honest))
      await assertHarmless(swarm, attacker, /it signed the entry .* malformed/)
    },
  )
}

test(
  'an entry that says another size than its manifest has its writer banned',
  options,
  async (t) => {
    const swarm = await HostileSwarm.start(t)
    const attacker = await swarm.attacker()
    const content = [attacker.add(noise(1000, 'evil'))]
    attacker.forge(WANTED, PATHS, { catalog: [], content }, { contentBytes: 7 })
    await assertHarmless(swarm, attacker, /it signed the entry .* malformed/)
  },
)

test(
  'an entry whose manifest is larger than it says is not fetched further',
  options,
  async (t) => {
    const swarm = await HostileSwarm.start(t)
    const attacker = await swarm.attacker()
    const content = Array.from({ length: 100 }, (_, index) => attacker.add(noise(100 + index)))
    attacker.forge(WANTED, PATHS, { catalog: [], content }, { manifestBytes: 48 })
    await assertHarmless(swarm, attacker, /manifest/)
  },
)

test('what is no manifest under a right digest has its supplier banned', options, async (t) => {
  const swarm = await HostileSwarm.start(t)
  const attacker = await swarm.attacker()
  attacker.forgeEncoded(WANTED, PATHS, noise(4000, 'no manifest'))
  await assertHarmless(swarm, attacker, /manifest/)
})

test('an entry whose content nobody has does not hide the honest one', options, async (t) => {
  const swarm = await HostileSwarm.start(t)
  const attacker = await swarm.attacker({ frame: () => undefined })
  const content = [attacker.add(noise(1000, 'nowhere'))]
  attacker.forge(WANTED, PATHS, { catalog: [attacker.add(encodeCatalog([ROOT]))], content })
  const victim = await swarm.victim(attacker)
  await swarm.assertRestored(victim)
  await swarm.assertHonestIsKept(victim)
})

test(
  'links, pipes and folders that wait on the disk of the victim lead nowhere',
  options,
  async (t) => {
    const swarm = await HostileSwarm.start(t)
    const victim = await swarm.victim()
    const outside = join(victim.folder, 'outside')
    const tree = join(victim.work, 'tree')
    mkdirSync(outside)
    mkdirSync(tree)
    writeFileSync(join(outside, 'precious'), 'untouched')
    symlinkSync(outside, join(tree, 'sub'))
    symlinkSync(join(outside, 'precious'), join(tree, 'small'))
    execFileSync('mkfifo', [join(tree, 'large')])
    await swarm.assertRestored(victim)
    assert.equal(readFileSync(join(outside, 'precious'), 'utf8'), 'untouched')
  },
)
