import { t as packAnswers } from "./answer-pack.js";
import { n as unpackFound } from "./control-answers.js";
import { s as decodeJson } from "./control-protocol.js";
import { t as RemoteTurn } from "./remote-turn.js";
import { randomUUID } from "node:crypto";
/** The answers of a repository on a node of another process; GitHub is asked by this one, whose token stays here. */
var RemoteAnswers = class {
	quota;
	#calls;
	#repository;
	#quotas = new RemoteQuotas();
	constructor(calls, repository) {
		this.#calls = calls, this.#repository = repository, this.quota = this.#quotas;
	}
	get tiers() {
		return this;
	}
	async find(key, { repository, scope, readable }, { signal, ...options } = {}) {
		let args = {
			digest: key,
			scope: {
				repository,
				scope,
				readable
			},
			...options,
			saw: this.#quotas.takeNews(),
			quotas: this.#quotas.names()
		}, { found, quotas } = unpackFound(await this.#call("findAnswers", args, { signal }));
		return this.#quotas.told(quotas), found;
	}
	/** What is not to be shared stays in this process, which has to keep it itself. */
	async put(answer) {
		if (!answer.shared) return;
		let body = packAnswers([{
			answer,
			tier: "memory"
		}]);
		await this.#call("putAnswer", {}, { body });
	}
	async takeTurn(name, { signal, onWaiting } = {}) {
		let turn = randomUUID(), args = {
			digest: name,
			turn,
			answers: !0
		}, body = await this.#call("takeTurn", args, {
			signal,
			onWaiting
		}), { by } = decodeJson(body);
		return by === void 0 ? new RemoteTurn((call, more) => this.#call(call, {
			...more,
			turn
		})) : {
			kind: "done",
			by
		};
	}
	/** The node goes on, and so do its answers. */
	async close() {}
	count(stats) {
		let told = 0, tell = async () => {
			let now = stats();
			now.requests !== told && (told = now.requests, await this.#call("countApi", { stats: now }).catch(() => {}));
		}, timer = setInterval(() => void tell(), 1e3).unref();
		return async () => {
			clearInterval(timer), told = -1, stats().requests > 0 && await tell();
		};
	}
	async #call(name, args, options) {
		return await this.#calls.call(name, {
			...args,
			repository: this.#repository
		}, options);
	}
}, RemoteQuotas = class {
	#states = /* @__PURE__ */ new Map();
	#news = /* @__PURE__ */ new Map();
	#listeners = /* @__PURE__ */ new Set();
	get(name) {
		let state = this.#states.get(name);
		return state === void 0 || state.reset <= Date.now() ? void 0 : state;
	}
	saw(name, state) {
		this.#keep(name, state), this.#news.set(name, state);
		for (let listener of this.#listeners) listener(name, state);
	}
	listen(listener) {
		return this.#listeners.add(listener), () => {
			this.#listeners.delete(listener);
		};
	}
	names() {
		return [...this.#states.keys()];
	}
	/** What this process saw since it last told the node. */
	takeNews() {
		let news = [...this.#news];
		return this.#news.clear(), news.slice(-64);
	}
	told(quotas) {
		for (let [name, state] of quotas) state.seen >= (this.#states.get(name)?.seen ?? 0) && this.#keep(name, state);
	}
	#keep(name, state) {
		if (this.#states.delete(name), this.#states.set(name, state), this.#states.size <= 64) return;
		let [oldest] = this.#states.keys();
		this.#states.delete(oldest);
	}
};
export { RemoteAnswers };
