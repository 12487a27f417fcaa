import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The licences of the packages that modules come from, as one text: a bundle is a copy of them. */
export async function licenceText(modules: readonly string[]): Promise<string> {
  const folders = new Set(modules.map(packageFolder).filter((folder) => folder !== undefined))
  const parts = new Map<string, string>()
  for (const folder of folders) {
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      name: string
      version: string
      license?: string
    }
    const title = `${manifest.name} ${manifest.version} (${manifest.license ?? 'see below'})`
    parts.set(title, (await licenceFile(folder)) ?? '')
  }
  return [...parts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, text]) => `${title}\n${'-'.repeat(title.length)}\n${text.trim()}\n`)
    .join('\n\n')
    .replaceAll('\r\n', '\n')
}

function packageFolder(module: string): string | undefined {
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module.replaceAll('\\', '/'))?.[0]
}

async function licenceFile(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => /^licen[cs]e/i.test(name)).toSorted()
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.length === 0 ? undefined : texts.join('\n')
}
