import { t as abortable } from "./deadline.js";
import { t as SwarmCacheError } from "./errors.js";
import { n as subscribe } from "./events.js";
// src/node/peer-bytes.ts
const NONE = {
	received: 0,
	sent: 0
};
/** Counts the bytes exchanged with each peer while this process runs. */
var PeerBytes = class {
	#byPeer = /* @__PURE__ */ new Map();
	#stops;
	constructor() {
		this.#stops = [subscribe("chunks:received", ({ peerId, bytes }) => {
			peerId !== void 0 && this.#add(peerId, bytes, 0);
		}), subscribe("chunks:sent", ({ peerId, bytes }) => this.#add(peerId, 0, bytes))];
	}
	of(peerId) {
		return this.#byPeer.get(peerId) ?? NONE;
	}
	[Symbol.dispose]() {
		for (let stop of this.#stops) stop();
	}
	#add(peerId, received, sent) {
		let known = this.of(peerId);
		if (this.#byPeer.delete(peerId), this.#byPeer.set(peerId, {
			received: known.received + received,
			sent: known.sent + sent
		}), this.#byPeer.size <= 4096) return;
		let [oldest] = this.#byPeer.keys();
		oldest !== void 0 && this.#byPeer.delete(oldest);
	}
}, LocalNode = class {
	#createMember;
	#options;
	#maxMembers;
	#drainMs;
	#members = /* @__PURE__ */ new Map();
	#bytes = new PeerBytes();
	#startedAt = performance.now();
	#stopping;
	constructor(parts, options) {
		this.#createMember = parts.createMember, this.#options = options, this.#maxMembers = options.maxMembers ?? 32, this.#drainMs = options.drainMs ?? 5e3;
	}
	async tiers(repository, options = {}) {
		let member = await this.#member(repository, options.signal);
		return await member.ready(options), member.tiers;
	}
	async answers(repository, options = {}) {
		let member = await this.#member(repository, options.signal);
		return await member.ready(options), member.answers;
	}
	async status() {
		let swarms = [...this.#members.values()].flatMap(({ started: member }) => member ?? []).map(async (member) => ({
			repository: member.repository,
			peerId: member.peerId,
			addresses: member.addresses(),
			peers: member.peers().length,
			store: await member.store.usage(),
			api: member.answers.stats()
		})), { version, home, role, membership, registries } = this.#options;
		return {
			version,
			pid: process.pid,
			home,
			role,
			uptimeSeconds: (performance.now() - this.#startedAt) / 1e3,
			membership,
			registries,
			swarms: await Promise.all(swarms)
		};
	}
	async peers(repository) {
		return (await this.#member(repository)).peers().map((peer) => {
			let { received, sent } = this.#bytes.of(peer.peerId);
			return {
				peerId: peer.peerId,
				address: peer.address,
				relayed: peer.relayed,
				attestation: peer.attestation,
				connectedSeconds: Math.max(0, (Date.now() - peer.since) / 1e3),
				bytesReceived: received,
				bytesSent: sent
			};
		});
	}
	async entries(repository) {
		return await (await this.#member(repository)).entries();
	}
	async verify(repository, options = {}) {
		return await (await this.#member(repository, options.signal)).store.verify(options);
	}
	async stop(options = {}) {
		this.#stopping ??= this.#drain(options.signal), await this.#stopping;
	}
	async #member(repository, signal) {
		if (signal?.throwIfAborted(), this.#stopping !== void 0) throw new SwarmCacheError("ERR_CLOSED", "The node is stopping. Start it again to use it.");
		let joined = this.#members.get(repository);
		if (joined === void 0) {
			if (this.#members.size >= this.#maxMembers) throw new SwarmCacheError("ERR_LIMIT", `This node takes part in ${this.#maxMembers} repositories already, so it cannot join ${repository}. Start another node with a home of its own.`, { facts: {
				repository,
				maxMembers: this.#maxMembers
			} });
			joined = { member: this.#join(repository) }, this.#members.set(repository, joined);
		}
		return await (signal === void 0 ? joined.member : abortable(joined.member, signal));
	}
	/** Shared by all who ask meanwhile, so it listens to nobody's signal. */
	async #join(repository) {
		try {
			let member = await this.#createMember(repository);
			await member.start();
			let joined = this.#members.get(repository);
			return joined !== void 0 && (joined.started = member), member;
		} catch (error) {
			throw this.#members.delete(repository), error;
		}
	}
	async #drain(signal) {
		let budget = AbortSignal.timeout(this.#drainMs), stop = { signal: signal === void 0 ? budget : AbortSignal.any([signal, budget]) }, joined = [...this.#members.values()], members = await Promise.allSettled(joined.map(({ member }) => member));
		await Promise.all(members.map(async (member) => {
			member.status === "fulfilled" && await member.value.stop(stop);
		})), this.#members.clear(), this.#bytes[Symbol.dispose]();
	}
};
export { LocalNode };
