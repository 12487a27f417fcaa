/** Lets a child process that gets an environment of its own use what the run of the tests has compiled. */
export function compileCache(): Record<string, string> {
  const folder = process.env['NODE_COMPILE_CACHE']
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}
