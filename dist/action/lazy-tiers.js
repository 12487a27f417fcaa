// src/cache/lazy-tiers.ts
/** Tiers that are opened with the first call: what fails before it (bad input) costs no node. */
var LazyTiers = class {
	#open;
	#sign;
	#opened;
	constructor(parts) {
		this.#open = parts.open, this.#sign = parts.sign;
	}
	async find(query, options) {
		return await (await this.#tiers(options)).find(query, options);
	}
	async readManifest(entry, options) {
		return await (await this.#tiers(options)).readManifest(entry, options);
	}
	async *readChunks(entry, chunks, options) {
		yield* (await this.#tiers(options)).readChunks(entry, chunks, options);
	}
	async has(digests) {
		return await (await this.#tiers()).has(digests);
	}
	async put(frame) {
		await (await this.#tiers()).put(frame);
	}
	async inbox() {
		return await (await this.#tiers()).inbox();
	}
	async putManifest(digest, bytes) {
		await (await this.#tiers()).putManifest(digest, bytes);
	}
	async commit(entry) {
		return await (await this.#tiers()).commit(await this.#signed(entry));
	}
	async takeTurn(name, options) {
		return await (await this.#tiers(options)).takeTurn(name, options);
	}
	async company(work) {
		return await (await this.#tiers()).company(work);
	}
	async offerPart(work, { entry, ...part }) {
		let signed = await this.#signed(entry);
		return await (await this.#tiers()).offerPart(work, {
			entry: signed,
			...part
		});
	}
	async *followArchive(request, options) {
		yield* (await this.#tiers(options)).followArchive(request, options);
	}
	async forget(entry, options) {
		await (await this.#tiers()).forget(entry, options);
	}
	async #signed(entry) {
		return "signature" in entry || this.#sign === void 0 ? entry : await this.#sign(entry);
	}
	/** A failed opening is tried again with the next call. */
	async #tiers(options = {}) {
		return this.#opened ??= this.#open(options).catch((error) => {
			throw this.#opened = void 0, error;
		}), await this.#opened;
	}
};
export { LazyTiers };
