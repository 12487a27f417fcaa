import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import type { Writable } from 'node:stream'
import { pause } from '../async/deadline.ts'
import type { CatalogColumns } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'

// Number of utimensat(2) in the kernel's tables, https://man7.org/linux/man-pages/man2/syscalls.2.html
const UTIMENSAT: Partial<Record<NodeJS.Architecture, number>> = { x64: 280, arm64: 88 }

// Reads "seconds nanoseconds path\0" records; -100 is AT_FDCWD, 256 is AT_SYMLINK_NOFOLLOW.
const SCRIPT = `
$/ = "\\0"; binmode STDIN; my $call = $ARGV[0] + 0;
while (<STDIN>) {
  chomp; my ($s, $n, $path) = split / /, $_, 3;
  my $times = pack("q4", $s, $n, $s, $n); syscall($call, -100, $path, $times, 256);
}`

// A record takes about two microseconds; this bounds a machine that hangs.
const DEADLINE_MS = 30_000
const BATCH_ROWS = 2048

/**
 * Corrects modification times to the nanosecond, where the system can, while other work goes on.
 *
 * Node passes times as floating-point seconds, which are off by up to 240 ns. Linux takes nanoseconds, and
 * perl, which comes with every Debian, Ubuntu and Fedora, can call it. Where that is not so the times stay as
 * they are: nothing is reported, since what differs is far below what any build tool compares.
 */
export class ExactTimes {
  readonly #columns: CatalogColumns
  readonly #paths: CatalogPaths
  #waiting: number[] = []
  #child: ChildProcessByStdio<Writable, null, null> | undefined
  #ended: Promise<void> = Promise.resolve()
  #isFull = false
  #isGone: boolean

  constructor(columns: CatalogColumns, paths: CatalogPaths) {
    this.#columns = columns
    this.#paths = paths
    this.#isGone = process.platform !== 'linux' || UTIMENSAT[process.arch] === undefined
  }

  /** Sees to the time of a row whose path is final and has the time that Node gave it. */
  add(index: number): void {
    if (this.#isGone || isExact(this.#columns.seconds[index]!, this.#columns.nanos[index]!)) return
    this.#waiting.push(index)
    if (this.#waiting.length >= BATCH_ROWS) this.#pump()
  }

  /** Resolves when every time is set that can be. */
  async finish(): Promise<void> {
    const stop = new AbortController()
    const late = pause(DEADLINE_MS, stop.signal).then(
      () => this.abandon(),
      () => {},
    )
    while (this.#waiting.length > 0 && !this.#isGone) {
      this.#pump()
      if (this.#isFull) await Promise.race([this.#drained(), this.#ended])
    }
    this.#child?.stdin.end()
    await this.#ended
    stop.abort()
    await late
  }

  /** Sets no more times; resolves when nothing touches the tree any more. */
  async abandon(): Promise<void> {
    this.#isGone = true
    this.#child?.kill('SIGKILL')
    await this.#ended
  }

  #pump(): void {
    if (this.#isFull || this.#isGone) return
    this.#child ??= this.#start()
    let records = ''
    const rows = this.#waiting.splice(0, BATCH_ROWS)
    for (const i of rows) {
      records += `${this.#columns.seconds[i]} ${this.#columns.nanos[i]} ${this.#paths.pathOf(i)}\0`
    }
    this.#isFull = !this.#child.stdin.write(Buffer.from(records, 'latin1'))
    if (this.#isFull) {
      void this.#drained().then(() => {
        this.#isFull = false
      })
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => this.#child!.stdin.once('drain', resolve))
  }

  #start(): ChildProcessByStdio<Writable, null, null> {
    const child = spawn('perl', ['-e', SCRIPT, String(UTIMENSAT[process.arch])], {
      cwd: '/',
      env: { PATH: '/usr/bin:/bin:/usr/local/bin' },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.stdin.on('error', () => {})
    this.#ended = new Promise((resolve) => {
      const onEnd = (): void => {
        this.#isGone = true
        resolve()
      }
      child.once('error', onEnd)
      child.once('close', onEnd)
    })
    return child
  }
}

/** True if the time survives being a floating-point number of seconds, as Node takes it apart again. */
function isExact(seconds: number, nanos: number): boolean {
  const time = seconds + nanos / 1e9
  return time >= 0 && Math.trunc((time - seconds) * 1e9) === nanos
}
