/** One way to move bytes from the memory of one process to that of another. */
export interface BulkTransport {
  /** Offers bytes for as long as the process lives; what `receive` needs to know of it. */
  send(size: BulkSize): Promise<string>
  /** Seconds that the measured bytes took. @throws Error if others arrived than were sent. */
  receive(offer: string, size: BulkSize): Promise<number>
}

/** How much is moved: first some to get up to speed, then what is measured. */
export interface BulkSize {
  readonly warmUpBytes: number
  readonly bytes: number
}
