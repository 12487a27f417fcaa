import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pause } from '../async/deadline.ts'
import type { BytePath } from './byte-path.ts'

/** A path and the modification time that it should have. */
export interface ExactTime {
  readonly path: BytePath
  readonly seconds: number
  readonly nanoseconds: number
}

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
const BATCH_BYTES = 256 * 1024

/**
 * Corrects modification times to the nanosecond, where the system can.
 *
 * Node passes times as floating-point seconds, which are off by up to 120 ns. Linux takes nanoseconds, and
 * perl, which comes with every Debian, Ubuntu and Fedora, can call it. Where that is not so the times stay as
 * they are: nothing is reported, since what differs is far below what any build tool compares.
 */
export async function setExactTimes(times: Iterable<ExactTime>): Promise<void> {
  const call = process.platform === 'linux' ? UTIMENSAT[process.arch] : undefined
  if (call === undefined) return
  const child = spawn('perl', ['-e', SCRIPT, String(call)], {
    cwd: '/',
    env: { PATH: '/usr/bin:/bin:/usr/local/bin' },
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const stop = new AbortController()
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  child.stdin.on('error', () => {})
  const late = pause(DEADLINE_MS, stop.signal).then(
    () => void child.kill('SIGKILL'),
    () => {},
  )
  for (const batch of batches(times)) {
    if (child.stdin.destroyed || child.exitCode !== null) break
    if (!child.stdin.write(batch)) await Promise.race([once(child.stdin, 'drain'), ended])
  }
  child.stdin.end()
  await ended
  stop.abort()
  await late
}

/** Records in pieces that a pipe takes well. */
function* batches(times: Iterable<ExactTime>): Generator<Buffer> {
  let records = ''
  for (const { path, seconds, nanoseconds } of times) {
    records += `${seconds} ${nanoseconds} ${path}\0`
    if (records.length < BATCH_BYTES) continue
    yield Buffer.from(records, 'latin1')
    records = ''
  }
  if (records !== '') yield Buffer.from(records, 'latin1')
}
