import { t as abortable } from "./deadline.js";
import { a as endOfPart } from "./archive-part.js";
import { t as SwarmCacheError } from "./errors.js";
import { a as joinLocal, f as HeldTurn, l as PARTS_WAIT_MS, n as LeaseTable, t as PartTable } from "./part-table.js";
import { t as UNLED_TURN } from "./lease.js";
// src/lease/memory-leases.ts
/** The lines of all leases of one process that know of each other. */
var MemoryLeaseGroup = class {
	table;
	offered = new PartTable();
	constructor(options = {}) {
		this.table = new LeaseTable(options);
	}
};
const DEFAULTS = {
	beatMs: 500,
	stallMs: 3e4
};
/** Turns among callers of one process: where there is no swarm, and for tests. */
var MemoryLeases = class {
	#parts;
	#options;
	#turns = /* @__PURE__ */ new Map();
	#stopped = new AbortController();
	constructor(parts, options = {}) {
		this.#parts = parts, this.#options = {
			...DEFAULTS,
			...options
		};
	}
	start() {}
	async stop() {
		this.#stopped.abort(new SwarmCacheError("ERR_CLOSED", "The node is stopping, so no turn can be waited for.")), await Promise.all([...this.#turns.values()].map((turn) => turn.leave()));
	}
	async takeTurn(name, options = {}) {
		let stopped = this.#stopped.signal, signal = options.signal === void 0 ? stopped : AbortSignal.any([options.signal, stopped]);
		signal.throwIfAborted();
		let { group, peerId } = this.#parts, line = joinLocal(group.table, peerId, name, {
			claim: {},
			onWaiting: ({ progress }) => options.onWaiting?.(progress)
		});
		if (line === void 0) return UNLED_TURN;
		let outcome = await abortable(line.outcome, signal).catch((error) => {
			throw line.leave(), error;
		});
		if (outcome.kind === "done") return outcome;
		let turn = new HeldTurn({
			line,
			reclaim: async () => void 0
		}, this.#options);
		return this.#turns.set(name, turn), turn.ended.then(() => {
			this.#turns.get(name) === turn && this.#turns.delete(name);
		}), turn;
	}
	company(name) {
		return (this.#turns.get(name)?.others ?? 0) > 0 ? "waiting" : "none";
	}
	offer(name, part) {
		return this.#parts.group.offered.put(name, part);
	}
	async *follow(name, first, signal) {
		let { group, peerId: by } = this.#parts, ending = AbortSignal.any([signal, this.#stopped.signal]);
		for (let next = first;;) for (let part of await group.offered.next(name, next, PARTS_WAIT_MS, ending)) next = Math.max(next, endOfPart(part)), yield {
			part,
			by
		};
	}
	/** They are of the same process, and so are their stores. */
	hasFollowers() {
		return !1;
	}
};
export { MemoryLeaseGroup, MemoryLeases };
