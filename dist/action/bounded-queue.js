// src/async/bounded-queue.ts
/** A queue between one or more producers and one consumer; `push` waits while it is full. */
var BoundedQueue = class {
	#capacity;
	#sizeOf;
	#items = [];
	#size = 0;
	#ended = !1;
	#error;
	#wakeConsumer;
	#wakeProducers = [];
	/** `capacity` counts items, or whatever `sizeOf` measures; a larger item passes when the queue is empty. */
	constructor(capacity, sizeOf = () => 1) {
		this.#capacity = capacity, this.#sizeOf = sizeOf;
	}
	/** Resolves once the item is queued; false if the queue has ended, and the item was dropped. */
	async push(item) {
		let size = this.#sizeOf(item);
		for (; !this.#ended && this.#size > 0 && this.#size + size > this.#capacity;) await new Promise((resolve) => this.#wakeProducers.push(resolve));
		return !this.#ended && (this.#items.push(item), this.#size += size, this.#wakeConsumer?.(), !0);
	}
	/** No more items; the consumer gets what is queued, then the end. */
	end() {
		this.#finish();
	}
	/** No more items; the consumer gets what is queued, then the error. */
	fail(error) {
		this.#ended || (this.#error = error), this.#finish();
	}
	#finish() {
		this.#ended = !0, this.#wakeConsumer?.(), this.#releaseProducers();
	}
	#releaseProducers() {
		let waiting = this.#wakeProducers;
		this.#wakeProducers = [];
		for (let wake of waiting) wake();
	}
	async *[Symbol.asyncIterator]() {
		try {
			for (;;) {
				for (; this.#items.length > 0;) {
					let item = this.#items.shift();
					this.#size -= this.#sizeOf(item), this.#releaseProducers(), yield item;
				}
				if (this.#ended) {
					if (this.#error !== void 0) throw this.#error;
					return;
				}
				await new Promise((resolve) => this.#wakeConsumer = resolve), this.#wakeConsumer = void 0;
			}
		} finally {
			this.#items = [], this.#size = 0, this.#finish();
		}
	}
};
export { BoundedQueue as t };
