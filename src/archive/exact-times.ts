import { spawn } from 'node:child_process'
import type { ChildProcessByStdio } from 'node:child_process'
import { lstatSync, lutimesSync } from 'node:fs'
import type { Writable } from 'node:stream'
import { pause } from '../async/deadline.ts'
import { KIND, hasTime } from './catalog.ts'
import type { CatalogColumns } from './catalog.ts'
import type { CatalogPaths } from './catalog-paths.ts'
import { attempt } from './folder-writer.ts'
import { hasMtime } from './row-comparison.ts'
import { isExactTime, utime } from './tree-writer.ts'
import type { WriteState } from './tree-writer.ts'

// Number of utimensat(2) in the kernel's tables, https://man7.org/linux/man-pages/man2/syscalls.2.html
const UTIMENSAT: Partial<Record<NodeJS.Architecture, number>> = { x64: 280, arm64: 88 }

// Reads records that end with a NUL: "seconds nanoseconds name", and before the first name in a folder the folder's
// absolute path, since looking up long paths is most of the work; -100 is AT_FDCWD, 256 is AT_SYMLINK_NOFOLLOW.
const SCRIPT = `
$/ = "\\0"; binmode STDIN; my $call = $ARGV[0] + 0; my ($there, $failed) = (1, 0);
while (<STDIN>) {
  chomp;
  if (ord == 47) { $there = chdir $_; $failed = 1 if !$there; next }
  my ($s, $n, $name) = split / /, $_, 3;
  next if !$there && ord $name != 47;
  my $times = pack("q4", $s, $n, $s, $n);
  $failed = 1 if syscall($call, -100, $name, $times, 256) != 0;
}
exit $failed;`

// A record takes about two microseconds; this bounds a machine that hangs.
const DEADLINE_MS = 30_000
const BATCH_ROWS = 2048
const OWNER_ENTERS = 0o100

/**
 * Sets modification times to the nanosecond, where the system can, while other work goes on.
 *
 * Node passes times as floating-point seconds, which are off by up to 240 ns. Linux takes nanoseconds, and
 * perl, which comes with every Debian, Ubuntu and Fedora, can call it. Those who write files leave such times to it
 * as long as `WriteState.exactTimes` says so. Where it fails the times are set as Node can: nothing is reported,
 * since what differs is far below what any build tool compares.
 */
export class ExactTimes {
  readonly #state: WriteState
  readonly #paths: CatalogPaths
  #waiting: number[] = []
  #folder = -1
  #child: ChildProcessByStdio<Writable, null, null> | undefined
  #ended: Promise<void> = Promise.resolve()
  #isFull = false
  #isGone: boolean
  #hasFailed = false

  constructor(state: WriteState, paths: CatalogPaths) {
    this.#state = state
    this.#paths = paths
    this.#isGone = process.platform !== 'linux' || UTIMENSAT[process.arch] === undefined
    // Folders get their modes first: in some of them nothing can be reached any more.
    const isLeftOut = this.#isGone || hasClosedFolder(state.columns)
    Atomics.store(state.exactTimes, 0, isLeftOut ? 0 : 1)
  }

  /** Sees to the time of a row whose path is final and that is written. */
  add(index: number): void {
    if (this.#isGone || isExactTime(this.#state.columns, index)) return
    this.#waiting.push(index)
    if (this.#waiting.length >= BATCH_ROWS) this.#pump()
  }

  /** Resolves when every time is set. */
  async finish(): Promise<void> {
    const stop = new AbortController()
    const late = pause(DEADLINE_MS, stop.signal).then(
      () => this.#end(),
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
    if (this.#hasFailed) this.#setAsNodeCan()
  }

  /** Sets no more times; resolves when nothing touches the tree any more. */
  async abandon(): Promise<void> {
    this.#isGone = true
    await this.#end()
  }

  async #end(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#ended
  }

  #pump(): void {
    if (this.#isFull || this.#isGone) return
    this.#child ??= this.#start()
    const { columns } = this.#state
    let records = ''
    for (const i of this.#waiting.splice(0, BATCH_ROWS)) {
      const parent = columns.parents[i]!
      if (parent >= 0 && parent !== this.#folder) {
        this.#folder = parent
        records += `${this.#paths.pathOf(parent)}\0`
      }
      const name = parent < 0 ? this.#paths.pathOf(i) : this.#paths.nameOf(i)
      records += `${columns.seconds[i]} ${columns.nanos[i]} ${name}\0`
    }
    this.#isFull = !this.#child.stdin.write(Buffer.from(records, 'latin1'))
    if (this.#isFull) {
      void this.#drained().then(() => {
        this.#isFull = false
        if (this.#waiting.length >= BATCH_ROWS) this.#pump()
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
      const onEnd = (code: number | null | Error): void => {
        this.#isGone = true
        this.#hasFailed ||= code !== 0
        Atomics.store(this.#state.exactTimes, 0, 0)
        resolve()
      }
      child.once('error', onEnd)
      child.once('close', onEnd)
    })
    return child
  }

  #setAsNodeCan(): void {
    const { columns, made } = this.#state
    for (let i = 0; i < columns.count; i += 1) {
      if (made[i] === 0 || !hasTime(columns.kinds[i]!) || isExactTime(columns, i)) continue
      const path = this.#paths.fsPathOf(i)
      const time = utime(columns, i)
      attempt(() => {
        if (!hasMtime(columns, i, lstatSync(path))) lutimesSync(path, time, time)
      })
    }
  }
}

function hasClosedFolder({ kinds, modes, count }: CatalogColumns): boolean {
  for (let i = 0; i < count; i += 1) {
    if (kinds[i] === KIND.FOLDER && (modes[i]! & OWNER_ENTERS) === 0) return true
  }
  return false
}
