import { a as withDeadline } from "./deadline.js";
import { t as SingleFlight } from "./single-flight.js";
import { o as isSwarmCacheError, r as errorMessage, t as SwarmCacheError } from "./errors.js";
import { t as freeMemory } from "./free-memory.js";
import { i as decodeManifest, o as totalBytes } from "./manifest.js";
import { t as MessageStream } from "./message.js";
import { i as parseLeavingMessage, t as HAND_OVER_LIMITS } from "./hand-over-wire.js";
/** Keeps what peers that leave would take with them. */
var HandOverKeeper = class {
	#parts;
	#options;
	#startedMs = performance.now();
	#talking = /* @__PURE__ */ new Set();
	#taken = /* @__PURE__ */ new Map();
	#fetches = new SingleFlight();
	#stopped = new AbortController();
	constructor(parts, options) {
		this.#parts = parts, this.#options = {
			maxEntriesPerPeer: 256,
			...options
		};
	}
	/** Takes nothing more; what is being fetched is given up. */
	stop() {
		this.#stopped.abort(new SwarmCacheError("ERR_CLOSED", "This node leaves, too."));
	}
	/** Answers one conversation. */
	async answer(stream, peerId) {
		if (this.#talking.has(peerId) || this.#talking.size >= 8) throw new SwarmCacheError("ERR_LIMIT", "Too many peers hand over at once.");
		this.#talking.add(peerId);
		try {
			await this.#converse(new MessageStream(stream, HAND_OVER_LIMITS), peerId);
		} catch (error) {
			throw isSwarmCacheError(error, "ERR_FRAME") && this.#parts.router.failed(peerId, errorMessage(error), !0), error;
		} finally {
			this.#talking.delete(peerId);
		}
	}
	async #converse(messages, peerId) {
		let { signal } = this.#stopped;
		for (;;) {
			let message = await withDeadline(1e4, "The next word of a peer that leaves", signal, () => messages.read());
			if (message === void 0) return;
			let said = parseLeavingMessage(message.header);
			if (said === void 0) throw new SwarmCacheError("ERR_FRAME", "What a peer that leaves says is malformed.");
			let answer = await this.#answerTo(said, peerId);
			await withDeadline(2e3, "An answer", signal, () => messages.write(answer));
		}
	}
	async #answerTo(said, peerId) {
		if ("leaving" in said) {
			let uptimeSeconds = (performance.now() - this.#startedMs) / 1e3, { role, staysOn } = this.#options;
			return {
				role,
				uptimeSeconds,
				accepts: staysOn && role !== "reader" && !this.#hasEnough(peerId)
			};
		}
		if ("holds" in said) {
			let known = await this.#parts.store.getEntry(said.holds);
			return { held: known !== void 0 && (!said.attested || known.token !== void 0) };
		}
		return await this.#consider(said.offer, peerId);
	}
	async #consider(entry, peerId) {
		let { store, logger, router } = this.#parts;
		try {
			let verdict = await this.#parts.checkEntry(entry, { signal: this.#stopped.signal });
			if (!verdict.trusted) {
				let { reason, why } = verdict;
				return why === "forged" && router.failed(peerId, `It offers an entry that is not to be believed: ${reason}.`, !0), { refused: reason };
			}
			let refused = await this.#whyNot(entry, peerId);
			if (refused !== void 0) return { refused };
			let known = await store.getEntry(entry);
			return known !== void 0 && (known.token !== void 0 || entry.token === void 0) || (await this.#fetches.run(entry.manifest, async () => {
				await withDeadline(6e4, "Taking over an entry", this.#stopped.signal, (signal) => this.#fetch(entry, peerId, signal));
			}), await store.addEntry(entry) && router.provide(entry), logger.log("info", `Keeps "${entry.key}" of a peer that leaves.`, { peerId })), { taken: !0 };
		} catch (error) {
			let reason = errorMessage(error);
			return logger.log("debug", `"${entry.key}" could not be taken over.`, {
				peerId,
				reason
			}), { refused: "it could not be fetched or stored" };
		}
	}
	async #whyNot(entry, peerId) {
		let { repository, role, staysOn } = this.#options;
		return entry.repository === repository ? !staysOn || role === "reader" ? "this node does not stay" : entry.manifestBytes > 67108864 ? "its manifest is too large" : this.#hasEnough(peerId) ? "it took enough of this peer already" : entry.contentBytes > await this.#room(peerId) ? "there is no room for it" : void 0 : "it belongs to another repository";
	}
	async #fetch(entry, peerId, signal) {
		let { store, transfer } = this.#parts, { manifest: digest, manifestBytes } = entry, holders = [peerId], encoded = await transfer.fetchManifest(digest, manifestBytes, holders, { signal }), { catalog, content } = decodeManifest(encoded, digest), chunks = [...new Map([...catalog, ...content].map((ref) => [ref.digest, ref])).values()], held = await store.has(chunks.map((chunk) => chunk.digest)), missing = chunks.filter((_, index) => held[index] !== !0), bytes = totalBytes(missing);
		if (bytes > await this.#room(peerId)) throw new SwarmCacheError("ERR_LIMIT", "The entry is larger than it says.");
		this.#count(peerId, bytes), await store.putManifest(digest, encoded);
		let request = {
			manifest: digest,
			chunks: missing,
			holders,
			priority: "background"
		};
		for await (let frame of transfer.fetchChunks(request, { signal })) await store.put(frame), frame.isOwned === !0 && freeMemory(frame.bytes);
	}
	/** Bytes that this peer may still put here. */
	async #room(peerId) {
		let { bytes, limitBytes } = await this.#parts.store.usage(), share = limitBytes * .25 - (this.#taken.get(peerId)?.bytes ?? 0);
		return this.#options.role === "seeder" ? share : Math.min(share, limitBytes - bytes);
	}
	#hasEnough(peerId) {
		return (this.#taken.get(peerId)?.entries ?? 0) >= this.#options.maxEntriesPerPeer;
	}
	#count(peerId, bytes) {
		let taken = this.#taken.get(peerId) ?? {
			entries: 0,
			bytes: 0
		};
		if (this.#taken.delete(peerId), this.#taken.set(peerId, {
			entries: taken.entries + 1,
			bytes: taken.bytes + bytes
		}), this.#taken.size <= 1024) return;
		let [oldest] = this.#taken.keys();
		oldest !== void 0 && this.#taken.delete(oldest);
	}
};
export { HandOverKeeper };
