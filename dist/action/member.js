import { r as errorMessage } from "./errors.js";
import { t as abortable } from "./deadline.js";
import { t as Watchdog } from "./watchdog.js";
import { n as subscribe } from "./events.js";
// src/node/quiet.ts
/** Resolves once this process has sent no chunk to any peer for `quietMs`, or the signal aborts. */
async function untilQuiet(quietMs, signal) {
	let quiet = Promise.withResolvers();
	using watchdog = new Watchdog(quietMs, () => quiet.resolve());
	let stopListening = subscribe("chunks:sent", () => watchdog.heard());
	try {
		await abortable(quiet.promise, signal);
	} catch {} finally {
		stopListening();
	}
}
// src/node/write-log.ts
/** The log of writes: every entry with what its ID token attests, or else what its writer claims. */
async function logWrites(entries, attest) {
	let logged = [];
	for (let indexed of entries) {
		let { lastUsed: _lastUsed, uses: _uses, ...signed } = indexed, verdict = await attest?.(signed), attestation = verdict?.trusted === !0 ? verdict.attestation : void 0, reason = verdict?.trusted === !1 ? verdict.reason : void 0, { token: _token, run, ...entry } = indexed, { repository, repositoryId, writer, created } = entry, base = {
			repository,
			repositoryId,
			writer,
			created,
			...attestation === void 0 ? run : factsOf(attestation)
		}, written = attestation === void 0 ? {
			attested: !1,
			reason,
			...base
		} : {
			attested: !0,
			issuer: attestation.issuer,
			...base
		};
		logged.push({
			...entry,
			written
		});
	}
	return logged;
}
function factsOf(attestation) {
	let { event, ref, workflow, runId, runAttempt, sha, actor } = attestation;
	return {
		event,
		ref,
		workflow,
		runId,
		runAttempt,
		sha,
		actor
	};
}
/** One repository's participation on a node: its store, and its place in its swarm. */
var Member = class {
	repository;
	peerId;
	store;
	tiers;
	answers;
	#goesOnAlone;
	#joined;
	#attest;
	#logger;
	#stopping;
	constructor(parts, options) {
		this.repository = options.repository, this.peerId = options.peerId, this.store = parts.store, this.tiers = parts.tiers, this.answers = parts.answers, this.#goesOnAlone = options.goesOnAlone ?? !1, this.#joined = parts.joined, this.#attest = parts.attest, this.#logger = parts.logger;
	}
	/** What the store holds, and who wrote it. */
	async entries() {
		return await logWrites(await this.store.entries(), this.#attest);
	}
	/** Joins the swarm; on failure everything is closed again and the reason is thrown. */
	async start(options = {}) {
		if (this.#joined === void 0) return;
		let { swarm, router, transfer, leases, handOver, rendezvous } = this.#joined;
		try {
			await transfer.start(), leases?.start(), handOver?.start(), this.answers.start(), router.start(), await swarm.start(options), rendezvous.start();
		} catch (error) {
			if (!this.#goesOnAlone) throw await this.stop({ signal: AbortSignal.abort() }), error;
			let { leases: _kept, ...left } = this.#joined;
			await this.#leave(left, { signal: AbortSignal.abort() }), this.#joined = void 0, this.#logger.log("warning", `The swarm of ${this.repository} cannot be joined.`, { reason: errorMessage(error) });
		}
	}
	/** Resolves when asking the peers makes sense: those known at the start are connected, or do not answer. */
	async ready(options = {}) {
		await this.#joined?.rendezvous.ready(options);
	}
	addresses() {
		return this.#joined?.swarm.addresses() ?? [];
	}
	peers() {
		return this.#joined?.swarm.peers() ?? [];
	}
	/**
	* Lets those fetch who waited for what this node brought, hands over what no other peer has, takes the own
	* record back and lets running uploads end, all until the signal aborts; leaves, and closes the store.
	*/
	async stop(options = {}) {
		this.#stopping ??= this.#stop(options), await this.#stopping;
	}
	async #stop(options) {
		this.#joined !== void 0 && await this.#leave(this.#joined, options), await this.#attempt("close the answers of the API", this.answers.stop()), await this.#attempt("close the store", this.store.close());
	}
	async #leave(joined, options) {
		joined.leases?.hasFollowers() === !0 && await untilQuiet(1500, signalOf(options)), await joined.handOver?.run(options), await this.#attempt("withdraw", joined.rendezvous.stop()), joined.leases !== void 0 && await this.#attempt("end turns", joined.leases.stop()), await this.#attempt("end the uploads", joined.transfer.stop(options)), await this.#attempt("stop routing", joined.router.stop()), await this.#attempt("leave the swarm", joined.swarm.stop());
	}
	/** Whatever fails on the way out, the rest is still closed. */
	async #attempt(doing, work) {
		try {
			await work;
		} catch (error) {
			this.#logger.log("warning", `Could not ${doing} while leaving ${this.repository}.`, { reason: errorMessage(error) });
		}
	}
};
function signalOf({ signal }) {
	return signal ?? new AbortController().signal;
}
export { Member };
