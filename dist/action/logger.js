// src/core/logger.ts
/** A logger that hands every line of at least `least` to `write`. */
function createLogger(write, least = "info", scope = "") {
	let order = [
		"debug",
		"info",
		"notice",
		"warning",
		"error"
	], threshold = order.indexOf(least);
	return {
		log(level, message, fields) {
			order.indexOf(level) < threshold || write(level, `${scope === "" ? "" : `${scope}: `}${message}${fields === void 0 ? "" : ` ${formatFields(fields)}`}`);
		},
		scoped(name) {
			return createLogger(write, least, scope === "" ? name : `${scope}.${name}`);
		}
	};
}
/** A logger that drops everything. */
const silentLogger = createLogger(() => {}, "error");
function formatFields(fields) {
	return Object.entries(fields).filter(([, value]) => value !== void 0).map(([name, value]) => `${name}=${typeof value == "string" ? value : JSON.stringify(value)}`).join(" ");
}
export { silentLogger as n, createLogger as t };
