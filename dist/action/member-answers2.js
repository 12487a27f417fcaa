// src/node/member-answers.ts
/** Statistics of nothing. */
const NO_REQUESTS = {
	requests: 0,
	charged: 0,
	free: 0,
	saved: 0,
	collapsed: 0,
	stale: 0,
	failed: 0,
	passed: 0,
	tiers: {
		memory: 0,
		disk: 0,
		shared: 0,
		peers: 0,
		upstream: 0
	}
};
/** The answers of the GitHub API of one repository on a node, for this process and those behind the control socket. */
var MemberAnswers = class {
	tiers;
	quota;
	#parts;
	#sources = /* @__PURE__ */ new Set();
	#ended = NO_REQUESTS;
	constructor(parts) {
		this.#parts = parts, this.tiers = parts.tiers, this.quota = parts.quota;
	}
	start() {
		for (let service of this.#parts.services) service.start();
	}
	async stop() {
		await Promise.all(this.#parts.services.map(async (service) => await service.stop())), await this.#parts.tiers.close();
	}
	stats() {
		return [...this.#sources].reduce((sum, source) => added(sum, source()), this.#ended);
	}
	count(stats) {
		return this.#sources.add(stats), async () => {
			this.#sources.delete(stats) && (this.#ended = added(this.#ended, stats()));
		};
	}
};
function added({ tiers: a, ...counts }, { tiers: b, ...more }) {
	return {
		...addedCounts(counts, more),
		tiers: addedCounts(a, b)
	};
}
function addedCounts(a, b) {
	return Object.fromEntries(Object.entries(a).map(([name, n]) => [name, n + (b[name] ?? 0)]));
}
export { NO_REQUESTS as n, MemberAnswers as t };
