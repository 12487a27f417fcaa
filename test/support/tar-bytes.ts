/** One thing in a tar archive; a file by default. */
export interface TarItem {
  readonly name: string
  readonly type?: string
  readonly target?: string
  readonly content?: string
  /** Records of a pax header before it. */
  readonly pax?: Readonly<Record<string, string>>
}

/** An archive that `tar` itself would not make. */
export function tarOf(items: readonly TarItem[]): Buffer {
  const blocks = items.flatMap((item) => {
    const records = Object.entries(item.pax ?? {}).map(([key, value]) => recordOf(key, value))
    const pax = records.length === 0 ? [] : blocksOf({ name: 'pax', type: 'x' }, records.join(''))
    return [...pax, ...blocksOf(item, item.content ?? '')]
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)])
}

function blocksOf({ name, type = '0', target = '' }: TarItem, content: string): Buffer[] {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100)
  header.write('0000644\0', 100)
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0', 136)
  header.write(type, 156)
  header.write(target, 157, 100)
  header.write('ustar\x0000', 257)
  sumHeader(header)
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512)
  return [header, Buffer.from(content), padding]
}

/** Writes the sum of a header into it. */
export function sumHeader(header: Buffer): void {
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
}

function recordOf(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  let length = Buffer.byteLength(rest)
  while (Buffer.byteLength(`${length}${rest}`) !== length) length += 1
  return `${length}${rest}`
}
