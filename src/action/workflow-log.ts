import * as core from '@actions/core'
import { createLogger } from '../core/logger.ts'
import type { Logger, LogLevel } from '../core/logger.ts'

const WRITERS: Readonly<Record<LogLevel, (line: string) => void>> = {
  debug: core.debug,
  info: core.info,
  notice: core.notice,
  warning: core.warning,
  error: core.error,
}

/** A logger that writes to the log of the step; notices and above become annotations. */
export function workflowLogger(): Logger {
  return createLogger((level, line) => WRITERS[level](line), 'debug')
}

/** Runs `work` with the lines it prints folded under a title. */
export async function inGroup<T>(title: string, work: () => Promise<T>): Promise<T> {
  core.startGroup(title)
  try {
    return await work()
  } finally {
    core.endGroup()
  }
}
