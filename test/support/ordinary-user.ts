// The traditional "nobody".
const ORDINARY_USER = 65_534

/** Runs `work` without the rights of root, which this process may have. */
export async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return await work()
  process.seteuid!(ORDINARY_USER)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}
