import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import "./identity.js";
import "./swarm-keys.js";
import { t as Holdoff } from "./github-holdoff.js";
import { t as I } from "./index.min.js";
import "./github-listing2.js";
import { t as ANNOUNCEMENT_PATH } from "./github-lookup2.js";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
// src/registry/github-announcement.ts
const PLACE_PATTERN = /^([0-9a-z]{1,8}-[0-9]-)(.+)$/s, ANNOUNCEMENT_LIFE_MS = 12e5;
/** Turns peer records into keys of cache entries, and back. */
var AnnouncementKeys = class {
	/** What every announcement of the swarm starts with. */
	prefix;
	#keys;
	#now;
	constructor(keys, now) {
		this.prefix = `swarmcache-peers-${keys.place.slice(0, 24)}-`, this.#keys = keys, this.#now = now;
	}
	/** Prefixes under which announcements that may still be valid are, in an order that differs each time. */
	recentPlaces() {
		let epoch = this.#epoch(), first = Math.floor(Math.random() * 5), slots = Array.from({ length: 5 }, (_, index) => (first + index) % 5);
		return [epoch, epoch - 1].flatMap((each) => slots.map((slot) => this.#place(each, slot)));
	}
	/** The key that announces a record; `sign` is its peer's. */
	seal(record, sign) {
		let place = this.#place(this.#epoch(), Math.floor(Math.random() * 5));
		return place + this.#keys.sealShort({
			record,
			announced: this.#now()
		}, place, sign);
	}
	/** The record that a key announces, fresh or not; undefined if it was not made for this swarm by the peer itself. */
	open(key) {
		if (!key.startsWith(this.prefix)) return;
		let [, place, sealed] = PLACE_PATTERN.exec(key.slice(this.prefix.length)) ?? [];
		if (place !== void 0 && sealed?.length === 411) return this.#keys.openShort(sealed, this.prefix + place);
	}
	/** True if the record is valid now, as far as clocks that differ a little can tell. */
	isFresh({ record, announced }) {
		let now = this.#now(), lifeMs = record.expires - announced;
		return record.expires > now && announced <= now + 3e5 && lifeMs <= 36e5;
	}
	#epoch() {
		return Math.floor(this.#now() / ANNOUNCEMENT_LIFE_MS);
	}
	#place(epoch, slot) {
		return `${this.prefix}${epoch.toString(36)}-${slot}-`;
	}
}, KnownPeers = class {
	#announcements;
	#records = /* @__PURE__ */ new Map();
	#lastAnnounced = new I({ max: 4096 });
	constructor(announcements) {
		this.#announcements = announcements;
	}
	get size() {
		return this.#records.size;
	}
	/** Takes what the keys, the newest first, announce; the first ones if there are too many. */
	addAll(keys) {
		for (let key of keys) {
			let dated = this.#announcements.open(key);
			if (dated === void 0 || !this.#announcements.isFresh(dated)) continue;
			let { peerId } = dated.record, last = this.#lastAnnounced.get(peerId) ?? 0, known = this.#records.has(peerId);
			dated.announced < last || dated.announced === last && known || !known && this.#records.size >= 512 || (this.#lastAnnounced.set(peerId, dated.announced), this.#records.set(peerId, dated));
		}
	}
	/** Those that are fresh now. */
	records() {
		for (let [peerId, dated] of this.#records) this.#announcements.isFresh(dated) || this.#records.delete(peerId);
		return [...this.#records.values()].map(({ record }) => record);
	}
	forget(peerId) {
		this.#records.delete(peerId);
	}
	clear() {
		this.#records.clear();
	}
};
// src/registry/github-registry.ts
const PACE = {
	expiryMs: ANNOUNCEMENT_LIFE_MS,
	heartbeatMs: 48e4,
	settleMs: 3e4,
	spreadMs: 1e3,
	deadlineMs: 3e4
}, JITTER = .2, SWEEP_EVERY_MS = 6e5;
/**
* Peers announce themselves through the repository's own cache on GitHub, with what a job has.
*
* An announcement is an entry of no content whose key carries the sealed record, so that looking needs no
* download. With `actions: read` one request lists them all; without it the cache service names one at a time.
* Few requests are made: fewer in company, none while GitHub asks to wait, and a runner that is connected to
* enough announced peers does not announce itself.
*/
var GithubRegistry = class {
	name;
	pace = PACE;
	#parts;
	#readable;
	#now;
	#announcements;
	#known;
	#uploads;
	/** Keys of entries that this process made. */
	#made = /* @__PURE__ */ new Map();
	#told = /* @__PURE__ */ new Set();
	#looks = 0;
	#nextLookAt = 0;
	#nextSweepAt;
	constructor(parts, options) {
		this.name = `github:${options.repository}`, this.#parts = parts, this.#readable = options.readable.slice(0, 3), this.#now = options.now ?? Date.now, this.#announcements = new AnnouncementKeys(parts.keys, this.#now), this.#known = new KnownPeers(this.#announcements), this.#uploads = new Holdoff(this.#now), this.#nextSweepAt = this.#now() + SWEEP_EVERY_MS * Math.random();
	}
	async announce(record, options = {}) {
		options.signal?.throwIfAborted();
		let { upstream } = this.#parts;
		if (upstream === void 0 || this.#uploads.ended || record.role !== "seeder" && this.#countAnnounced(options) >= 8) return;
		if (!this.#uploads.mayCall) throw new SwarmCacheError("ERR_UPSTREAM", "GitHub asked to wait before the next upload.");
		let key = this.#announcements.seal(record, (bytes) => this.#parts.peerKey.sign(bytes));
		await this.#upload(upstream, key, options.signal);
		let made = this.#made.get(record.peerId) ?? [];
		this.#made.set(record.peerId, [...made, key].slice(-8));
	}
	async discover(options = {}) {
		return options.signal?.throwIfAborted(), (this.#now() >= this.#nextLookAt || options.connected === void 0) && (this.#planNextLook(options.connected?.size ?? 0), await this.#look(options.signal)), this.#known.records();
	}
	async withdraw(peerId, options = {}) {
		options.signal?.throwIfAborted();
		let { listing } = this.#parts, made = this.#made.get(peerId);
		if (this.#made.delete(peerId), this.#known.forget(peerId), listing === void 0 || !listing.deleteHoldoff.mayCall) return;
		let entries = made?.map((key) => ({ key })) ?? await this.#entriesOf(listing, peerId, options.signal);
		for (let entry of entries) if (!await this.#delete(listing, entry, options.signal)) break;
	}
	/** GitHub tells nobody of changes. */
	watch(_onChange) {
		return () => {};
	}
	#countAnnounced({ connected }) {
		return connected === void 0 ? 0 : this.#known.records().filter(({ peerId }) => connected.has(peerId)).length;
	}
	#planNextLook(connected) {
		let growingMs = 2e3 * 2 ** Math.min(this.#looks, 20), waitMs = connected >= 4 ? 6e5 : Math.min(growingMs, connected === 0 ? 6e4 : 12e4);
		this.#looks += 1, this.#nextLookAt = this.#now() + waitMs * (1 + JITTER * (2 * Math.random() - 1));
	}
	/** Asks in the best way that is open; what cannot be asked now is not asked. */
	async #look(signal) {
		let { listing, lookup, logger } = this.#parts;
		if (listing?.mayList === !0) try {
			await this.#readListing(listing, signal);
			return;
		} catch (error) {
			if (signal?.throwIfAborted(), lookup === void 0 || lookup.holdoff.ended) throw error;
			let level = listing.listHoldoff.ended ? "info" : "debug";
			logger.log(level, "The repository's caches cannot be listed, so peers are looked up one at a time. With the permission actions: read one request would find them all.", { reason: errorMessage(error) });
		}
		lookup?.holdoff.mayCall === !0 && await this.#lookUp(lookup, signal);
	}
	async #readListing(listing, signal) {
		let { prefix } = this.#announcements, newest = await listing.list(prefix, void 0, signal), oldest = newest.at(-1), complete = newest.length < 100 || oldest !== void 0 && oldest.created + 12e5 < this.#now();
		complete && this.#known.clear();
		let isTrusted = ({ ref }) => this.#readable.includes(ref);
		if (this.#known.addAll(newest.filter(isTrusted).map(({ key }) => key)), !complete && this.#known.size < 8) for (let ref of this.#readable) {
			if (!listing.mayList) break;
			let entries = await listing.list(prefix, ref, signal);
			this.#known.addAll(entries.map(({ key }) => key));
		}
		this.#known.addAll(newest.filter((entry) => !isTrusted(entry)).map(({ key }) => key)), await this.#sweep(listing, newest, signal);
	}
	async #lookUp(lookup, signal) {
		let places = this.#announcements.recentPlaces();
		for (let count = 0; count < 4 && places.length > 0; count += 1) {
			let key = await lookup.find(places, signal);
			if (key === void 0) return;
			this.#known.addAll([key]);
			let rest = places.filter((place) => !key.startsWith(place));
			if (rest.length === places.length) return;
			places = rest;
		}
	}
	async #upload(upstream, key, signal) {
		let folder = await mkdtemp(join(tmpdir(), "swarmcache-announcement-"));
		try {
			await writeFile(join(folder, ANNOUNCEMENT_PATH), "");
			let options = {
				workingDirectory: folder,
				crossOs: !0,
				signal
			};
			await upstream.save([ANNOUNCEMENT_PATH], key, options), this.#uploads.succeeded();
		} catch (error) {
			signal?.throwIfAborted();
			let reason = isSwarmCacheError(error, "ERR_UPSTREAM") ? error.facts.reason : void 0;
			if (reason === "denied" || reason === "unavailable") {
				this.#uploads.forbidden(), this.#tellOnce("Others cannot find this node, as the cache service lets it read only", error);
				return;
			}
			throw reason === "rate-limit" ? this.#uploads.limited(askedWaitMs(error)) : this.#uploads.failed(), error;
		} finally {
			await rm(folder, {
				recursive: !0,
				force: !0,
				maxRetries: 3
			});
		}
	}
	async #entriesOf(listing, peerId, signal) {
		return listing.mayList ? (await listing.list(this.#announcements.prefix, void 0, signal)).filter(({ key }) => this.#announcements.open(key)?.record.peerId === peerId).slice(0, 8) : [];
	}
	/** Removes a few of the announcements that have expired, if the token may. */
	async #sweep(listing, entries, signal) {
		if (this.#now() < this.#nextSweepAt) return;
		this.#nextSweepAt = this.#now() + SWEEP_EVERY_MS * (1 + JITTER * Math.random());
		let before = this.#now() - 6e5, expired = entries.filter(({ key }) => {
			let expires = this.#announcements.open(key)?.record.expires;
			return expires !== void 0 && expires < before;
		}), first = Math.floor(Math.random() * Math.max(1, expired.length - 5 + 1));
		for (let entry of expired.slice(first, first + 5)) if (!await this.#delete(listing, entry, signal)) return;
	}
	/** False if no more should be deleted now. */
	async #delete(listing, entry, signal) {
		if (!listing.deleteHoldoff.mayCall) return !1;
		try {
			return await listing.delete(entry, signal), !0;
		} catch (error) {
			return signal?.throwIfAborted(), this.#parts.logger.log("debug", "An announcement stays in the cache until GitHub drops it.", { reason: errorMessage(error) }), !1;
		}
	}
	#tellOnce(what, error) {
		this.#told.has(what) || (this.#told.add(what), this.#parts.logger.log("info", `${what}: ${errorMessage(error)}`));
	}
};
/** What the client of the cache service repeats of a Retry-After header. */
function askedWaitMs(error) {
	let seconds = /will reset in (\d{1,6}) seconds/.exec(errorMessage(error))?.[1];
	return seconds === void 0 ? void 0 : Number(seconds) * 1e3;
}
export { GithubRegistry };
