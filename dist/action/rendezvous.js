import { i as withDeadline, t as abortable } from "./deadline.js";
import { t as Limit } from "./limit.js";
import { r as errorMessage } from "./errors.js";
/** Keeps this node's own record in the registries, from its first address until it stops. */
var Announcer = class {
	#swarm;
	#calls;
	#role;
	#expiryMs;
	#heartbeatMs;
	#stopped = new AbortController();
	#timer;
	#running;
	#announced = "";
	#failures = 0;
	#stopping = !1;
	constructor(parts, options) {
		this.#swarm = parts.swarm, this.#calls = parts.calls, this.#role = options.role, this.#expiryMs = options.expiryMs ?? 6e4, this.#heartbeatMs = options.heartbeatMs ?? 2e4;
	}
	start() {
		this.#schedule(0);
	}
	/** Announces soon, if the addresses are no longer those announced. */
	addressesChanged() {
		this.#ownAddresses().join() !== this.#announced && this.#schedule(20);
	}
	/** Takes the record back; within its own short deadline. */
	async stop() {
		this.#stopping = !0, clearTimeout(this.#timer);
		let timer = setTimeout(() => this.#stopped.abort(), 500);
		await this.#running, clearTimeout(timer), await this.#withdraw();
	}
	#schedule(delayMs) {
		this.#stopping || (clearTimeout(this.#timer), this.#timer = setTimeout(() => {
			this.#running ??= this.#announce().finally(() => {
				this.#running = void 0, this.#scheduleNext();
			});
		}, delayMs), this.#timer.unref());
	}
	#scheduleNext() {
		if (this.#ownAddresses().join() !== this.#announced && this.#failures === 0) {
			this.#schedule(20);
			return;
		}
		let jitter = 1 + .2 * (2 * Math.random() - 1), retryMs = 1e3 * 2 ** Math.min(this.#failures, 10);
		this.#schedule(jitter * (this.#failures === 0 ? this.#heartbeatMs : Math.min(retryMs, this.#heartbeatMs)));
	}
	async #announce() {
		let addresses = this.#ownAddresses();
		if (addresses.length === 0) {
			await this.#withdraw();
			return;
		}
		let record = {
			peerId: this.#swarm.peerId,
			addresses,
			role: this.#role,
			expires: Date.now() + this.#expiryMs
		};
		this.#announced = addresses.join();
		let taken = await this.#calls.announce(record, this.#stopped.signal);
		this.#failures = taken ? 0 : this.#failures + 1;
	}
	async #withdraw() {
		this.#announced !== "" && (this.#announced = "", await this.#calls.withdraw(this.#swarm.peerId, AbortSignal.timeout(2e3)));
	}
	#ownAddresses() {
		return this.#swarm.addresses().slice(0, 16);
	}
}, PeerDialer = class {
	#swarm;
	#logger;
	#backoffMs;
	#longestBackoffMs;
	#enoughPeers;
	#limit = new Limit(16);
	#dialling = /* @__PURE__ */ new Map();
	#failing = /* @__PURE__ */ new Map();
	constructor(parts, options = {}) {
		this.#swarm = parts.swarm, this.#logger = parts.logger, this.#backoffMs = options.backoffMs ?? 1e3, this.#longestBackoffMs = options.longestBackoffMs ?? 6e4, this.#enoughPeers = options.enoughPeers ?? 64;
	}
	/** Dials everybody in `records` who is neither connected nor in backoff; resolves once each was tried. */
	async dial(records, signal) {
		this.#forgetAllBut(records);
		let connected = new Set(this.#swarm.peers().map((peer) => peer.peerId)), wanted = records.filter((record) => !connected.has(record.peerId) && this.#isDue(record)), seeders = wanted.filter((record) => record.role === "seeder"), others = shuffle(wanted.filter((record) => record.role !== "seeder")), room = Math.max(0, this.#enoughPeers - connected.size - seeders.length);
		await Promise.all([...seeders, ...others.slice(0, room)].map((record) => this.#dialOnce(record, signal)));
	}
	/** A connection has come about: earlier failures no longer count. */
	connected(peerId) {
		this.#failing.delete(peerId);
	}
	async #dialOnce(record, signal) {
		let running = this.#dialling.get(record.peerId);
		if (running !== void 0) return await running;
		let started = this.#limit.run(() => this.#tryDial(record, signal), signal).catch(() => {}).finally(() => this.#dialling.delete(record.peerId));
		this.#dialling.set(record.peerId, started), await started;
	}
	async #tryDial(record, signal) {
		let { peerId, addresses } = record;
		try {
			await withDeadline(3e3, `Dialling ${peerId}`, signal, (stop) => this.#swarm.dial(peerId, addresses, { signal: stop })), this.#failing.delete(peerId);
		} catch (error) {
			if (signal.aborted) return;
			let failures = (this.#failing.get(peerId)?.failures ?? 0) + 1, backoffMs = Math.min(this.#backoffMs * 2 ** Math.min(failures - 1, 20), this.#longestBackoffMs), retryAt = performance.now() + backoffMs * (.75 + Math.random() / 2);
			this.#failing.set(peerId, {
				addresses: addresses.join(),
				failures,
				retryAt
			}), this.#logger.log("debug", `Could not connect to ${peerId}; trying again later.`, {
				reason: errorMessage(error),
				failures
			});
		}
	}
	/** Other addresses than those that failed are worth a try at once. */
	#isDue(record) {
		if (record.addresses.length === 0) return !1;
		let failing = this.#failing.get(record.peerId);
		return failing === void 0 || failing.addresses !== record.addresses.join() || performance.now() >= failing.retryAt;
	}
	#forgetAllBut(records) {
		let kept = /* @__PURE__ */ new Map();
		for (let { peerId } of records) {
			let failing = this.#failing.get(peerId);
			failing !== void 0 && kept.set(peerId, failing);
		}
		this.#failing = kept;
	}
};
function shuffle(items) {
	for (let last = items.length - 1; last > 0; --last) {
		let other = Math.floor(Math.random() * (last + 1)), item = items[last];
		items[last] = items[other], items[other] = item;
	}
	return items;
}
/**
* Calls to the registries of a swarm, none of which may hold up or bring down the others.
*
* A failure is a warning the first time and then silent until that registry works again.
*/
var RegistryCalls = class {
	#registries;
	#logger;
	/** What each registry could not do the last time. */
	#failing = /* @__PURE__ */ new Map();
	constructor(registries, logger) {
		this.#registries = registries, this.#logger = logger;
	}
	/** True if every registry took the record. */
	async announce(record, signal) {
		return (await this.#each("announce this node in", signal, async (registry, stop) => (await registry.announce(record, { signal: stop }), !0))).every((taken) => taken === !0);
	}
	async withdraw(peerId, signal) {
		await this.#each("withdraw this node from", signal, async (registry, stop) => {
			await registry.withdraw(peerId, { signal: stop });
		});
	}
	/** The records of all registries, one for each peer, with the addresses of all of them. */
	async discover(signal) {
		let lists = await this.#each("discover peers in", signal, async (registry, stop) => await registry.discover({ signal: stop })), records = /* @__PURE__ */ new Map();
		for (let record of lists.flatMap((list) => list ?? [])) {
			let known = records.get(record.peerId);
			records.set(record.peerId, known === void 0 ? record : joinRecords(known, record));
		}
		return [...records.values()];
	}
	/** Calls `onChange` after a change in any registry; returns how to stop. */
	watch(onChange) {
		let stops = [];
		for (let registry of this.#registries) try {
			stops.push(registry.watch(onChange));
		} catch (error) {
			this.#failed(registry, "watch", error);
		}
		return () => {
			for (let stop of stops) stop();
		};
	}
	async #each(doing, signal, call) {
		return await Promise.all(this.#registries.map(async (registry) => {
			try {
				let result = await withDeadline(5e3, `The registry ${registry.name}`, signal, (stop) => call(registry, stop));
				return this.#succeeded(registry, doing), result;
			} catch (error) {
				signal.aborted || this.#failed(registry, doing, error);
				return;
			}
		}));
	}
	#failed(registry, doing, error) {
		let known = this.#failing.get(registry) ?? /* @__PURE__ */ new Set();
		this.#failing.set(registry, known);
		let level = known.has(doing) ? "debug" : "warning";
		known.add(doing), this.#logger.log(level, `Could not ${doing} ${registry.name}; trying again later.`, { reason: errorMessage(error) });
	}
	#succeeded(registry, doing) {
		this.#failing.get(registry)?.delete(doing) === !0 && this.#logger.log("info", `Again able to ${doing} ${registry.name}.`);
	}
};
function joinRecords(a, b) {
	let addresses = [.../* @__PURE__ */ new Set([...a.addresses, ...b.addresses])].slice(0, 16), [later] = a.expires >= b.expires ? [a] : [b];
	return {
		...later,
		addresses
	};
}
/** Brings the peers of a swarm together: announces this one, finds the others and connects to them. */
var Rendezvous = class {
	#swarm;
	#calls;
	#announcer;
	#dialer;
	#firstDiscoverMs;
	#slowestDiscoverMs;
	#readyMs;
	#stopped = new AbortController();
	#ready = Promise.withResolvers();
	#seeders = /* @__PURE__ */ new Set();
	#delayMs;
	#timer;
	#readyTimer;
	#running;
	#dials = /* @__PURE__ */ new Set();
	#again = !1;
	#endedAt = 0;
	#tookMs = 0;
	#dueAt = 0;
	#stopListening = [];
	constructor(parts, options) {
		this.#swarm = parts.swarm, this.#calls = new RegistryCalls(parts.registries, parts.logger), this.#dialer = new PeerDialer(parts, options), options.role !== "reader" && (this.#announcer = new Announcer({
			swarm: parts.swarm,
			calls: this.#calls
		}, options)), this.#firstDiscoverMs = options.firstDiscoverMs ?? 250, this.#slowestDiscoverMs = options.slowestDiscoverMs ?? 15e3, this.#readyMs = options.readyMs ?? 1e3, this.#delayMs = this.#firstDiscoverMs;
	}
	/** Begins to announce and to look for peers; the swarm must have started. */
	start() {
		this.#stopListening = [this.#swarm.listen({
			connected: ({ peerId }) => this.#dialer.connected(peerId),
			disconnected: (peerId) => this.#disconnected(peerId),
			addressesChanged: () => this.#announcer?.addressesChanged()
		}), this.#calls.watch(() => this.#changed())], this.#announcer?.start(), this.#readyTimer = setTimeout(() => this.#ready.resolve(), this.#readyMs), this.#discover();
	}
	/** Resolves once the peers that were announced at the start have been dialled, or after a short deadline. */
	async ready(options = {}) {
		let { signal } = options;
		await (signal === void 0 ? this.#ready.promise : abortable(this.#ready.promise, signal));
	}
	/** Stops looking, and takes the own record back; within its own short deadline. */
	async stop() {
		this.#stopped.abort(), clearTimeout(this.#timer), clearTimeout(this.#readyTimer), this.#ready.resolve();
		for (let stop of this.#stopListening) stop();
		await Promise.all([
			this.#running,
			...this.#dials,
			this.#announcer?.stop()
		]);
	}
	/** A seeder that went is probably restarting: look often again. */
	#disconnected(peerId) {
		this.#seeders.has(peerId) && (this.#delayMs = this.#firstDiscoverMs, this.#running === void 0 && this.#schedule(this.#delayMs));
	}
	/** A change is looked at soon, but a busy registry costs no more than a tenth of the time. */
	#changed() {
		if (this.#running !== void 0) {
			this.#again = !0;
			return;
		}
		let gapMs = Math.max(50, 10 * this.#tookMs), sinceMs = performance.now() - this.#endedAt;
		this.#dueAt <= this.#endedAt + gapMs || this.#schedule(Math.max(0, gapMs - sinceMs));
	}
	#discover() {
		this.#again = !1;
		let started = performance.now();
		this.#running = this.#discoverOnce().finally(() => {
			this.#running = void 0, this.#endedAt = performance.now(), this.#tookMs = this.#endedAt - started;
			let jitter = 1 + .2 * (2 * Math.random() - 1);
			this.#schedule(this.#delayMs * jitter), this.#delayMs = Math.min(this.#delayMs * 2, this.#slowestDiscoverMs), this.#again && this.#changed();
		});
	}
	/** Dials go on beside further looks, so that one that hangs keeps nobody waiting. */
	async #discoverOnce() {
		let { signal } = this.#stopped, records = await this.#calls.discover(signal);
		if (signal.aborted) return;
		let others = records.filter((record) => record.peerId !== this.#swarm.peerId), seeders = others.filter((record) => record.role === "seeder");
		this.#seeders = new Set(seeders.map((record) => record.peerId));
		let dials = this.#dialer.dial(others, signal).finally(() => {
			this.#dials.delete(dials), this.#ready.resolve();
		});
		this.#dials.add(dials);
	}
	#schedule(delayMs) {
		this.#stopped.signal.aborted || (clearTimeout(this.#timer), this.#dueAt = performance.now() + delayMs, this.#timer = setTimeout(() => this.#discover(), delayMs), this.#timer.unref());
	}
};
export { Rendezvous };
