// src/lease/lease.ts
/** A turn that nobody else knows of: where no line can be joined, work that is done twice beats none. */
const UNLED_TURN = {
	kind: "mine",
	progressed() {},
	async done() {}
};
export { UNLED_TURN as t };
