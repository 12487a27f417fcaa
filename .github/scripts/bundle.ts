// Bundles the action into a folder, byte for byte the same for the same source wherever it runs:
// `node .github/scripts/bundle.ts [FOLDER]`, by default dist/action. The library's build bundles one of its files.
import { glob, mkdir, rm, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import type { InputOptions, OutputOptions, RolldownBuild } from 'rolldown'
import { licenceText } from './licences.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** Where the committed bundle lives. */
export const BUNDLE_FOLDER: string = join(ROOT, 'dist/action')

const CLIENT_WORKER = 'actions-cache-worker'

const READING: InputOptions = {
  cwd: ROOT,
  platform: 'node',
  // Without this @actions/core brings its HTTP client along, which is never used and takes longer
  // to load than everything else.
  treeshake: {
    moduleSideEffects: [{ test: /node_modules\/(@actions|undici|tunnel)\//, sideEffects: false }],
  },
  logLevel: 'warn',
  onLog(level, log, log_) {
    // Dependencies publish code that bundlers like to comment on; only our own is ours to mend.
    if (log.id?.includes('node_modules') === true || log.code === 'EVAL') return
    log_(level, log)
  },
}

const WRITING: OutputOptions = {
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name].js',
  // Names and lines stay, so that a change of the bundle can be reviewed.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: false } },
}

/** Replaces what `folder` holds by the bundle of the action's entries and of every worker. */
export async function bundleAction(folder: string): Promise<void> {
  const bundle = await rolldown({
    ...READING,
    input: { ...entry('main'), ...entry('post'), ...entry('daemon'), ...(await workers()) },
  })
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const { output } = await bundle.write({
    ...WRITING,
    dir: folder,
    codeSplitting: {
      // One file each for the large parts that are loaded when they are needed, if at all.
      groups: [
        { name: 'actions-core', test: /node_modules\/@actions\/core\//, priority: 2 },
        { name: 'supports-color', test: /node_modules\/supports-color\//, priority: 2 },
        {
          name: 'libp2p',
          test: /node_modules\/(libp2p|@libp2p|@chainsafe|@multiformats)\//,
          priority: 1,
        },
        { name: 'actions-cache', test: /node_modules\/@actions\/cache\//, priority: 1 },
        { name: 'octokit', test: /node_modules\/@octokit\//, priority: 1 },
      ],
    },
  })
  await bundle.close()
  await writeLicences(folder, output)
}

/**
 * Puts the worker with the client of the cache service into `folder`, as one file and its licences: what it
 * consists of takes almost three times as long to load from as many files as its packages have.
 */
export async function bundleClientWorker(folder: string): Promise<void> {
  const bundle = await rolldown({
    ...READING,
    input: { [CLIENT_WORKER]: `src/store/${CLIENT_WORKER}.ts` },
  })
  const { output } = await bundle.write({ ...WRITING, dir: folder, codeSplitting: false })
  await bundle.close()
  await writeLicences(folder, output)
}

async function writeLicences(
  folder: string,
  output: Awaited<ReturnType<RolldownBuild['write']>>['output'],
): Promise<void> {
  const modules = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []))
  await writeFile(join(folder, 'licences.txt'), await licenceText(modules))
}

function entry(name: string): Record<string, string> {
  return { [name]: `src/action/${name}.ts` }
}

// A worker is started by its file name, so it must lie beside the code that starts it.
async function workers(): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for await (const path of glob('src/**/*-worker.ts', { cwd: ROOT })) {
    const name = basename(path, '.ts')
    if (found[name] !== undefined) {
      throw new Error(`Two workers are called ${name}: ${found[name]} and ${path}. Rename one.`)
    }
    found[name] = path
  }
  return Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

if (import.meta.main) await bundleAction(resolve(process.argv[2] ?? BUNDLE_FOLDER))
