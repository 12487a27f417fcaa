/** A line that @actions/cache printed, its workflow command decoded. */
export interface ClientLine {
  readonly level: 'debug' | 'info' | 'warning' | 'error'
  readonly text: string
}

/** What the client is busy with; each has a deadline of its own. */
export type ClientPhase = 'ask' | 'download' | 'extract' | 'pack' | 'upload'

const COMMAND = /^::([a-z-]+)(?: [^:]*)?::(.*)$/
const SIGNATURE = /([?&]sig=)[^&\s"']+/g
const TOKEN_LENGTH = 8
const MAX_PARTIAL_CHARACTERS = 4096
const MAX_TROUBLES = 8
const MAX_TOOL_LINES = 4

/**
 * Follows one call of @actions/cache by what it prints, since it reports failures, progress and
 * the place of its archive in no other way.
 *
 * Secrets (masked values, signatures of URLs, the given ones) are taken out of every line.
 */
export class ClientTranscript {
  phase: ClientPhase
  /** Bytes moved, as far as the client tells. */
  bytes = 0
  archivePath: string | undefined
  /** Attempts that failed, refusals and warnings, oldest first; like all lists here the last few. */
  readonly troubles: string[] = []
  readonly warnings: string[] = []
  /** The last lines of tar and its compressor. */
  readonly toolLines: string[] = []
  #secrets: string[]
  #partial = ''

  constructor(kind: 'lookup' | 'restore' | 'save', secrets: readonly string[] = []) {
    this.phase = kind === 'save' ? 'pack' : 'ask'
    this.#secrets = secrets.filter((secret) => secret.length >= TOKEN_LENGTH)
  }

  /** Takes a piece of output in and returns its lines, clean of secrets. */
  read(output: string): ClientLine[] {
    // Commands come whole; what tar prints may come in pieces.
    const pieces = output.startsWith('::')
      ? [this.#partial, ...output.split(/\r?\n/), '']
      : `${this.#partial}${output}`.split(/\r?\n/)
    this.#partial = (pieces.pop() ?? '').slice(0, MAX_PARTIAL_CHARACTERS)
    const lines: ClientLine[] = []
    for (const raw of pieces) {
      if (raw.trim() === '') continue
      const line = this.#decode(raw)
      if (line === undefined) continue
      this.#follow(line)
      lines.push(line)
    }
    return lines
  }

  /** `text` without secrets. */
  clean(text: string): string {
    let clean = text.replace(SIGNATURE, '$1***')
    for (const secret of this.#secrets) clean = clean.replaceAll(secret, '***')
    return clean
  }

  #decode(raw: string): ClientLine | undefined {
    const command = COMMAND.exec(raw)
    if (command === null) return { level: 'info', text: this.clean(raw) }
    const text = command[2]!.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%25', '%')
    if (command[1] === 'add-mask') {
      if (text.length >= TOKEN_LENGTH) this.#secrets.push(text)
      return undefined
    }
    const level = command[1]
    if (level === 'debug' || level === 'warning' || level === 'error') {
      return { level, text: this.clean(text) }
    }
    return { level: 'info', text: this.clean(text) }
  }

  #follow({ level, text }: ClientLine): void {
    if (level === 'warning' || level === 'error') {
      keep(this.warnings, text, MAX_TROUBLES)
      keep(this.troubles, text, MAX_TROUBLES)
    } else if (
      /^Attempt \d+ of \d+ failed with error: |^\w+.* - Attempt \d+ of \d+ failed/.test(text) ||
      /^Failed to (?:reserve cache|save): |^Cache (?:restore|save) skipped: /.test(text)
    ) {
      keep(this.troubles, text, MAX_TROUBLES)
    } else if (level === 'info' && (this.phase === 'extract' || this.phase === 'pack')) {
      if (text.startsWith('[command]')) return
      keep(this.toolLines, text, MAX_TOOL_LINES)
    }
    this.#followPhase(text)
    const moved = /^(?:Received|Sent) (\d+) of \d+ \(/.exec(text)
    if (moved !== null) this.bytes = Number(moved[1])
    const chunk = /^Uploading chunk of size (\d+) bytes at offset (\d+)/.exec(text)
    if (chunk !== null) this.bytes = Math.max(this.bytes, Number(chunk[2]))
  }

  #followPhase(text: string): void {
    const archive = /^Archive [Pp]ath: (.+)$/.exec(text)
    if (archive !== null) {
      this.archivePath = archive[1]
      if (this.phase === 'ask') this.phase = 'download'
      return
    }
    const size = /^Cache Size: ~\d+ MB \((\d+) B\)$/.exec(text)
    if (size !== null) {
      this.bytes = Number(size[1])
      if (this.phase === 'download') this.phase = 'extract'
    } else if (text === 'Reserving Cache') {
      this.phase = 'ask'
    } else if (/^Attempting to upload cache located at: |^Saving Cache \(ID: /.test(text)) {
      this.phase = 'upload'
    }
  }
}

function keep(lines: string[], line: string, most: number): void {
  lines.push(line)
  if (lines.length > most) lines.shift()
}
