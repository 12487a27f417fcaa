import { a as withDeadline } from "./deadline.js";
/** A turn that the node of another process keeps for this one, as long as it hears of it. */
var RemoteTurn = class {
	kind = "mine";
	#say;
	#timer;
	#progress = 0;
	#saying = !1;
	#ended = !1;
	constructor(say) {
		this.#say = say, this.#timer = setInterval(() => void this.#beat(), 500), this.#timer.unref();
	}
	progressed() {
		this.#progress += 1;
	}
	async done(result) {
		this.#ended || (this.#ended = !0, clearInterval(this.#timer), await withDeadline(2e3, "Telling the node of the end of a turn", void 0, () => this.#say("endTurn", { result })).catch(() => {}));
	}
	async #beat() {
		this.#saying ||= (this.#saying = !0, await this.#say("renewTurn", { progress: this.#progress }).catch(() => {}), !1);
	}
};
export { RemoteTurn as t };
