import { a as withDeadline } from "./deadline.js";
import { t as UNLED_TURN } from "./lease.js";
/** Turns that are not waited for longer than a request is worth; then the work is done without. */
var PatientTurns = class {
	#leases;
	#patienceMs;
	constructor(leases, options = {}) {
		this.#leases = leases, this.#patienceMs = options.patienceMs ?? 3e3;
	}
	/** Rejects with the signal's reason only. */
	async takeTurn(name, options = {}) {
		let { signal } = options;
		try {
			return await withDeadline(this.#patienceMs, "The same request elsewhere", signal, async (ended) => {
				let turn = await this.#leases.takeTurn(name, {
					...options,
					signal: ended
				});
				return ended.aborted && turn.kind === "mine" && turn.done(!1), turn;
			});
		} catch {
			return signal?.throwIfAborted(), UNLED_TURN;
		}
	}
};
export { PatientTurns };
