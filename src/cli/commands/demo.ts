import { EXIT } from '../command.ts'
import type { Command } from '../command.ts'
import { demoTable, runDemo } from '../demo/demo.ts'

/** `swarmcache demo`. */
export const demo: Command = {
  flags: {},
  takesPaths: false,
  async run({ terminal, signal }) {
    const result = await runDemo((line) => terminal.note(line), signal)
    terminal.answer(result, ['', ...demoTable(result)].join('\n'))
    if (!result.identical) terminal.note('error: A restored tree differs from the original.')
    return result.identical ? EXIT.done : EXIT.failed
  },
}
