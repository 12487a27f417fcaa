import { a as withDeadline, t as abortable } from "./deadline.js";
import { t as NEVER } from "./peer.js";
import { t as Limit } from "./limit.js";
import { r as errorMessage } from "./errors.js";
/** Keeps this node's own record in a registry, at the registry's pace, from its first address until it stops. */
var Announcer = class {
	#swarm;
	#calls;
	#role;
	#expiryMs;
	#heartbeatMs;
	#settleMs;
	#spreadMs;
	#stopped = new AbortController();
	#timer;
	#running;
	#announced = "";
	#first = !0;
	#failures = 0;
	#stopping = !1;
	constructor(swarm, calls, options) {
		let { pace } = calls;
		this.#swarm = swarm, this.#calls = calls, this.#role = options.role, this.#expiryMs = pace?.expiryMs ?? options.expiryMs ?? 6e4, this.#heartbeatMs = pace?.heartbeatMs ?? options.heartbeatMs ?? 2e4, this.#settleMs = pace?.settleMs ?? 20, this.#spreadMs = pace?.spreadMs ?? 0;
	}
	start() {
		this.#schedule(this.#spreadMs * Math.random());
	}
	/** Announces soon, if the addresses are no longer those announced. */
	addressesChanged() {
		this.#first || this.#ownAddresses().join() !== this.#announced && this.#schedule(this.#settleMs);
	}
	/** Takes the record back; within its own short deadline. */
	async stop() {
		this.#stopping = !0, clearTimeout(this.#timer);
		let timer = setTimeout(() => this.#stopped.abort(), 500);
		await this.#running, clearTimeout(timer), await this.#withdraw();
	}
	#schedule(delayMs) {
		this.#stopping || (clearTimeout(this.#timer), this.#timer = setTimeout(() => {
			this.#first = !1, this.#running ??= this.#announce().finally(() => {
				this.#running = void 0, this.#scheduleNext();
			});
		}, delayMs), this.#timer.unref());
	}
	#scheduleNext() {
		if (this.#ownAddresses().join() !== this.#announced && this.#failures === 0) {
			this.#schedule(this.#settleMs);
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
		let connected = new Set(this.#swarm.peers().map((peer) => peer.peerId)), wanted = records.filter((record) => !connected.has(record.peerId) && this.#isDue(record)), seeders = shuffle(wanted.filter((record) => record.role === "seeder")), others = shuffle(wanted.filter((record) => record.role !== "seeder")), room = Math.max(0, this.#enoughPeers - connected.size - seeders.length);
		await Promise.all(takeTurns(seeders, others.slice(0, room)).map((record) => this.#dialOnce(record, signal)));
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
			});
			let isExpected = record.expires === NEVER && failures === 1, text = `Could not connect to ${peerId}; trying again later.`;
			this.#logger.log(isExpected ? "warning" : "debug", text, {
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
/** One of each in turn: records of one kind, which anybody may make up, must not keep the others waiting. */
function takeTurns(a, b) {
	let longest = Math.max(a.length, b.length);
	return Array.from({ length: longest }, (_, index) => [a[index], b[index]]).flat().filter((item) => item !== void 0);
}
/**
* Calls to one registry of a swarm that cannot bring down their caller.
*
* A failure is a warning the first time and then silent until the registry works again.
*/
var RegistryCalls = class {
	#registry;
	#swarm;
	#logger;
	/** What it could not do the last time. */
	#failing = /* @__PURE__ */ new Set();
	constructor(parts) {
		this.#registry = parts.registry, this.#swarm = parts.swarm, this.#logger = parts.logger;
	}
	get pace() {
		return this.#registry.pace;
	}
	/** True if the registry took the record. */
	async announce(record, signal) {
		return await this.#call("announce this node in", signal, async (options) => (await this.#registry.announce(record, options), !0)) === !0;
	}
	async withdraw(peerId, signal) {
		await this.#call("withdraw this node from", signal, async (options) => {
			await this.#registry.withdraw(peerId, options);
		});
	}
	/** The records of the registry; undefined if it could not be read. */
	async discover(signal) {
		return await this.#call("discover peers in", signal, async (options) => await this.#registry.discover(options));
	}
	/** Calls `onChange` after a change in the registry; returns how to stop. */
	watch(onChange) {
		try {
			return this.#registry.watch(onChange);
		} catch (error) {
			return this.#failed("watch", error), () => {};
		}
	}
	async #call(doing, signal, call) {
		let connected = new Set(this.#swarm.peers().map((peer) => peer.peerId));
		try {
			let result = await withDeadline(this.#registry.pace?.deadlineMs ?? 5e3, `The registry ${this.#registry.name}`, signal, (stop) => call({
				signal: stop,
				connected
			}));
			return this.#succeeded(doing), result;
		} catch (error) {
			signal.aborted || this.#failed(doing, error);
			return;
		}
	}
	#failed(doing, error) {
		let level = this.#failing.has(doing) ? "debug" : "warning";
		this.#failing.add(doing), this.#logger.log(level, `Could not ${doing} ${this.#registry.name}; trying again later.`, { reason: errorMessage(error) });
	}
	#succeeded(doing) {
		this.#failing.delete(doing) && this.#logger.log("info", `Again able to ${doing} ${this.#registry.name}.`);
	}
}, RegistryWatch = class {
	#calls;
	#onLook;
	#firstDiscoverMs;
	#slowestDiscoverMs;
	#stopped = new AbortController();
	#delayMs;
	#timer;
	#running;
	#again = !1;
	#endedAt = 0;
	#tookMs = 0;
	#dueAt = 0;
	#stopListening = () => {};
	/** `onLook` gets what each look found; undefined if it failed. */
	constructor(parts, options = {}) {
		this.#calls = parts.calls, this.#onLook = parts.onLook, this.#firstDiscoverMs = options.firstDiscoverMs ?? 250, this.#slowestDiscoverMs = options.slowestDiscoverMs ?? 15e3, this.#delayMs = this.#firstDiscoverMs;
	}
	start() {
		this.#stopListening = this.#calls.watch(() => this.#changed()), this.#look();
	}
	/** Looks as often as at the start. */
	hurry() {
		this.#delayMs = this.#firstDiscoverMs, this.#running === void 0 && this.#schedule(this.#delayMs);
	}
	async stop() {
		this.#stopped.abort(), clearTimeout(this.#timer), this.#stopListening(), await this.#running;
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
	#look() {
		this.#again = !1;
		let started = performance.now();
		this.#running = this.#lookOnce().finally(() => {
			this.#running = void 0, this.#endedAt = performance.now(), this.#tookMs = this.#endedAt - started;
			let jitter = 1 + .2 * (2 * Math.random() - 1);
			this.#schedule(this.#delayMs * jitter), this.#delayMs = Math.min(this.#delayMs * 2, this.#slowestDiscoverMs), this.#again && this.#changed();
		});
	}
	async #lookOnce() {
		let { signal } = this.#stopped, records = await this.#calls.discover(signal);
		signal.aborted || this.#onLook(records);
	}
	#schedule(delayMs) {
		this.#stopped.signal.aborted || (clearTimeout(this.#timer), this.#dueAt = performance.now() + delayMs, this.#timer = setTimeout(() => this.#look(), delayMs), this.#timer.unref());
	}
}, Rendezvous = class {
	#swarm;
	#announcers;
	#watches;
	#dialer;
	#readyMs;
	#stopped = new AbortController();
	#ready = Promise.withResolvers();
	/** What each registry named when it was last read. */
	#found = /* @__PURE__ */ new Map();
	/** Registries whose first look, or what it led to, has not ended. */
	#awaited;
	#seeders = /* @__PURE__ */ new Set();
	#readyTimer;
	#dials = /* @__PURE__ */ new Set();
	#stopListening = () => {};
	constructor(parts, options) {
		let { swarm, registries, logger } = parts;
		this.#swarm = swarm, this.#dialer = new PeerDialer(parts, options);
		let calls = registries.map((registry) => new RegistryCalls({
			registry,
			swarm,
			logger
		}));
		this.#announcers = options.role === "reader" ? [] : calls.map((each) => new Announcer(swarm, each, options)), this.#watches = calls.map((each, index) => new RegistryWatch({
			calls: each,
			onLook: (records) => this.#looked(index, records)
		}, options)), this.#awaited = new Set(registries.keys()), this.#readyMs = options.readyMs ?? 1e3;
	}
	/** Begins to announce and to look for peers; the swarm must have started. */
	start() {
		this.#stopListening = this.#swarm.listen({
			connected: ({ peerId }) => this.#dialer.connected(peerId),
			disconnected: (peerId) => this.#disconnected(peerId),
			addressesChanged: () => {
				for (let announcer of this.#announcers) announcer.addressesChanged();
			}
		});
		for (let announcer of this.#announcers) announcer.start();
		for (let watch of this.#watches) watch.start();
		let readyMs = this.#awaited.size === 0 ? 0 : this.#readyMs;
		this.#readyTimer = setTimeout(() => this.#ready.resolve(), readyMs);
	}
	/** Resolves once the peers that were announced at the start have been dialled, or after a short deadline. */
	async ready(options = {}) {
		let { signal } = options;
		await (signal === void 0 ? this.#ready.promise : abortable(this.#ready.promise, signal));
	}
	/** Stops looking, and takes the own record back; within its own short deadline. */
	async stop() {
		this.#stopped.abort(), clearTimeout(this.#readyTimer), this.#ready.resolve(), this.#stopListening(), await Promise.all([
			...this.#watches.map((watch) => watch.stop()),
			...this.#dials,
			...this.#announcers.map((announcer) => announcer.stop())
		]);
	}
	/** A seeder that went is probably restarting: look often again. */
	#disconnected(peerId) {
		if (this.#seeders.has(peerId)) for (let watch of this.#watches) watch.hurry();
	}
	/** Dials go on beside further looks, so that one that hangs keeps nobody waiting. */
	#looked(index, records) {
		records !== void 0 && this.#found.set(index, records);
		let others = joinRecords([...this.#found.values()].flat()).filter((record) => record.peerId !== this.#swarm.peerId), seeders = others.filter((record) => record.role === "seeder");
		this.#seeders = new Set(seeders.map((record) => record.peerId));
		let dials = this.#dialer.dial(others, this.#stopped.signal).finally(() => {
			this.#dials.delete(dials), this.#awaited.delete(index), this.#awaited.size === 0 && this.#ready.resolve();
		});
		this.#dials.add(dials);
	}
};
/** One fresh record for each peer, with the addresses that all registries know. */
function joinRecords(records) {
	let now = Date.now(), joined = /* @__PURE__ */ new Map();
	for (let record of records) {
		if (record.expires <= now) continue;
		let known = joined.get(record.peerId) ?? record, addresses = [.../* @__PURE__ */ new Set([...known.addresses, ...record.addresses])], later = known.expires >= record.expires ? known : record;
		joined.set(record.peerId, {
			...later,
			addresses: addresses.slice(0, 16)
		});
	}
	return [...joined.values()];
}
export { Rendezvous };
