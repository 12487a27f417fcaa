import { a as withDeadline } from "./deadline.js";
import { n as readable } from "./tiered-answers2.js";
/** The answers of a node as a process uses them that asks GitHub itself: what must not be shared stays with it. */
var NearAnswers = class {
	#parts;
	#opening;
	#far;
	constructor(parts) {
		this.#parts = parts;
	}
	async find(key, scope, options = {}) {
		let near = readable(key, scope, await this.#parts.memory.get(key));
		if (options.nearOnly === !0 && near.length > 0) return near;
		let own = near.map(({ answer }) => answer.digest), known = [...options.known ?? [], ...own], { tiers } = await this.#open(options.signal), far = await tiers.find(key, scope, {
			...options,
			known
		}), isNew = ({ answer }) => !own.includes(answer.digest);
		return [...near, ...readable(key, scope, far).filter(isNew)];
	}
	async put(answer) {
		answer.shared ? await (await this.#open()).tiers.put(answer) : await this.#parts.memory.put(answer);
	}
	async takeTurn(name, options) {
		return await (await this.#open(options?.signal)).tiers.takeTurn(name, options);
	}
	/** Of this process; the node goes on. */
	async close() {
		await this.#parts.memory.close();
	}
	get(name) {
		return (this.#far?.quota ?? this.#parts.quota).get(name);
	}
	saw(name, state) {
		this.#parts.quota.saw(name, state), this.#far?.quota.saw(name, state);
	}
	listen(listener) {
		return this.#parts.quota.listen(listener);
	}
	async #open(signal) {
		if (this.#far !== void 0) return this.#far;
		this.#opening ??= this.#parts.open().then((far) => this.#far = far, (error) => {
			throw this.#opening = void 0, error;
		});
		let opening = this.#opening;
		return await withDeadline(3e3, "Reaching the node", signal, async () => opening);
	}
};
export { NearAnswers };
