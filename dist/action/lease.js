// src/lease/lease.ts
/** True if `value` (from elsewhere) is a result. */
function isTurnResult(value) {
	return typeof value == "boolean" || value === "for-now";
}
/** A turn that nobody else knows of: where no line can be joined, work that is done twice beats none. */
const UNLED_TURN = {
	kind: "mine",
	progressed() {},
	async done() {}
};
export { isTurnResult as n, UNLED_TURN as t };
