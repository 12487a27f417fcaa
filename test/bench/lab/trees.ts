import { createHash } from 'node:crypto'
import { cp, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { writeLargeFiles } from './large-files.ts'
import { runProgram } from './program.ts'
import { readTree } from './tree-check.ts'
import type { TreeContent } from './tree-check.ts'

/** A tree to save and restore. */
export interface Tree {
  /** What a save is told, relative to `root`. */
  readonly path: string
  readonly root: string
  readonly content: TreeContent
}

const MANIFESTS = resolve(import.meta.dirname, '../tree')
const FOLDER = 'node_modules'
const INSTALL_DEADLINE_MS = 15 * 60_000

/** About a seventh of the real tree, of every kind of file that it has. */
const QUICK_PACKAGES = ['@babel', 'core-js', 'date-fns', 'react-dom', 'vite', 'webpack']

const LARGE_FILES = 8
const LARGE_BYTES = 768 * 1024 * 1024
const QUICK_LARGE_BYTES = 128 * 1024 * 1024

/**
 * The trees of a run, made when first asked for.
 *
 * What npm installs is kept in the user's cache folder for later runs; every run copies it to its own folder.
 */
export class TreeShelf {
  readonly #folder: string
  readonly #quick: boolean
  readonly #say: (text: string) => void
  readonly #signal: AbortSignal
  readonly #made = new Map<string, Promise<Tree>>()

  constructor(folder: string, quick: boolean, say: (text: string) => void, signal: AbortSignal) {
    this.#folder = folder
    this.#quick = quick
    this.#say = say
    this.#signal = signal
  }

  /** The dependencies of a usual web project: very many files, nearly all of them small. */
  async packages(): Promise<Tree> {
    return await this.#once('packages', async (root) => await this.#copyInstalled(root, false))
  }

  /** The same project after three patch-level bumps, installed from nothing as a job does it. */
  async bumpedPackages(): Promise<Tree> {
    return await this.#once('bumped', async (root) => await this.#copyInstalled(root, true))
  }

  /** Updates a copy of `packages()` to `bumpedPackages()` as a package manager does it: what differs is made anew. */
  async bump(root: string): Promise<void> {
    const bumped = await this.bumpedPackages()
    const names = Object.keys(JSON.parse(await readText('bumps.json')) as object)
    for (const name of [...names, '.package-lock.json']) {
      const from = join(bumped.root, bumped.path, name)
      if (!(await exists(from))) continue
      await rm(join(root, FOLDER, name), { recursive: true, force: true, maxRetries: 3 })
      await copyTree(from, join(root, FOLDER, name), this.#signal)
    }
  }

  /** Few large files, a third each of what cannot be compressed, what can to half, and what can to little. */
  async largeFiles(): Promise<Tree> {
    return await this.#once('large', async (root) => {
      const bytes = this.#quick ? QUICK_LARGE_BYTES : LARGE_BYTES
      await writeLargeFiles(join(root, 'large'), LARGE_FILES, bytes / LARGE_FILES)
      return 'large'
    })
  }

  #once(name: string, make: (root: string) => Promise<string>): Promise<Tree> {
    const known = this.#made.get(name)
    if (known !== undefined) return known
    const making = this.#make(name, make)
    this.#made.set(name, making)
    return making
  }

  async #make(name: string, make: (root: string) => Promise<string>): Promise<Tree> {
    const root = join(this.#folder, name)
    await mkdir(root, { recursive: true })
    const path = await make(root)
    const content = readTree(join(root, path))
    const { files, bytes } = content
    this.#say(`tree "${name}": ${files} files, ${(bytes / 1e6).toFixed(0)} MB`)
    return { root, path, content }
  }

  async #copyInstalled(root: string, bumped: boolean): Promise<string> {
    const installed = await this.#install(bumped)
    const packages = this.#quick ? QUICK_PACKAGES : ['.']
    for (const name of packages) {
      await copyTree(join(installed, FOLDER, name), join(root, FOLDER, name), this.#signal)
    }
    return FOLDER
  }

  /** Folder of an installation of exactly what the lock file names. */
  async #install(bumped: boolean): Promise<string> {
    const files = await readManifests(bumped)
    const hash = createHash('sha256')
    for (const text of Object.values(files)) hash.update(text)
    const folder = join(cacheFolder(), `tree-${hash.digest('hex').slice(0, 16)}`)
    if (await exists(folder)) return folder
    this.#say(`installing the packages into ${folder} (once)`)
    const making = `${folder}.${process.pid}`
    await mkdir(making, { recursive: true })
    try {
      for (const [name, text] of Object.entries(files)) await writeFile(join(making, name), text)
      // Not `npm ci`: it refuses a lock file that lacks optional packages of other platforms, as one does that was
      // made where a registry carries only some of them. Versions and digests are the lock file's either way.
      await runProgram('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund'], {
        cwd: making,
        signal: AbortSignal.any([this.#signal, AbortSignal.timeout(INSTALL_DEADLINE_MS)]),
      })
      await rename(making, folder)
    } finally {
      await rm(making, { recursive: true, force: true, maxRetries: 3 })
    }
    return folder
  }
}

/** Copies a tree with its times, modes and links. */
export async function copyTree(from: string, to: string, signal: AbortSignal): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  // Several times as fast as fs.cp, which also keeps times only to the millisecond.
  if (process.platform === 'linux') await runProgram('cp', ['-aT', from, to], { signal })
  else await cp(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
}

/** Package and lock file; the lock file of the bumped tree differs in three versions only. */
async function readManifests(bumped: boolean): Promise<Record<string, string>> {
  const manifest = JSON.parse(await readText('package.json')) as Record<
    'dependencies',
    Record<string, string>
  >
  const lock = JSON.parse(await readText('package-lock.json')) as {
    packages: Record<string, Record<string, unknown>>
  }
  if (bumped) {
    const bumps = JSON.parse(await readText('bumps.json')) as Record<
      string,
      { version: string; integrity: string }
    >
    for (const [name, { version, integrity }] of Object.entries(bumps)) {
      manifest.dependencies[name] = version
      Object.assign(lock.packages[`${FOLDER}/${name}`]!, { version, integrity })
    }
    lock.packages['']!['dependencies'] = manifest.dependencies
  }
  return { 'package.json': JSON.stringify(manifest), 'package-lock.json': JSON.stringify(lock) }
}

async function readText(name: string): Promise<string> {
  return await readFile(join(MANIFESTS, name), 'utf8')
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'swarmcache-bench')
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}
