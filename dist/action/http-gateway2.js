import { a as withDeadline } from "./deadline.js";
import { i as inputError, r as errorMessage } from "./errors.js";
import { isIP } from "node:net";
import { createServer as createServer$1 } from "node:http";
// src/gateway/http-gateway.ts
const HOST = /^(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::\d{1,5})?$/i;
/**
* The HTTP door: routes by the start of the path.
*
* It answers only under its own names and under addresses, so that no web page can reach it through a name of its own
* (DNS rebinding), and no request that a browser makes for another site.
*/
var HttpGateway = class {
	#routes;
	#logger;
	#options;
	#server;
	constructor({ routes, logger }, options) {
		this.#routes = routes, this.#logger = logger, this.#options = options, this.#server = createServer$1((request, response) => void this.#answer(request, response)), this.#server.maxConnections = 512, this.#server.on("connect", (_request, socket) => socket.destroy()), this.#server.on("upgrade", (_request, socket) => socket.destroy());
	}
	get url() {
		let { address, family, port } = this.#server.address();
		return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
	}
	async start() {
		let { host, port } = this.#options, listening = Promise.withResolvers();
		this.#server.once("error", listening.reject), this.#server.listen(port, host, listening.resolve);
		try {
			await listening.promise;
		} catch (error) {
			throw inputError(`The HTTP door cannot listen on ${host}:${port}: ${errorMessage(error)}. Choose another port with --http.`, {
				host,
				port
			});
		}
		this.#server.off("error", listening.reject), this.#server.on("error", (error) => {
			this.#logger.log("warning", `The HTTP door failed: ${errorMessage(error)}`);
		});
	}
	async stop() {
		let closed = new Promise((resolve) => this.#server.close(() => resolve()));
		this.#server.closeIdleConnections(), await withDeadline(2e3, "Ending answers", void 0, () => closed).catch(() => {}), this.#server.closeAllConnections(), await closed;
	}
	async #answer(message, response) {
		let gone = new AbortController();
		response.once("close", () => gone.abort(/* @__PURE__ */ Error("The client has gone."))), response.on("error", () => gone.abort());
		try {
			await this.#route(message, response, gone.signal);
		} catch (error) {
			if (gone.signal.aborted) return;
			this.#logger.log("debug", `A request to the HTTP door failed: ${errorMessage(error)}`), response.headersSent ? response.destroy() : refuse(response, 502, errorMessage(error));
		}
	}
	async #route(message, response, signal) {
		let { host } = message.headers;
		if (!this.#isOwnName(host)) return refuse(response, 421, "This door has another name.");
		if (message.headers["sec-fetch-site"] === "cross-site") return refuse(response, 403, "This door is not for pages of other sites.");
		let path = message.url ?? "";
		if (!path.startsWith("/")) return refuse(response, 400, "Only paths are answered here.");
		for (let route of this.#routes) {
			let prefix = route.prefixes.find((start) => path.startsWith(start));
			if (prefix === void 0) continue;
			let base = `http://${host}${prefix.slice(0, -1)}`, rest = path.slice(prefix.length);
			return await route.handle({
				message,
				rest,
				base,
				signal
			}, response);
		}
		refuse(response, 404, `Nothing is answered there. There is ${this.#routes.flatMap(({ prefixes }) => prefixes).join(", ")}.`);
	}
	#isOwnName(host) {
		let [, written = ""] = HOST.exec(host ?? "") ?? [], name = written.replace(/^\[(.*)\]$/, "$1").toLowerCase();
		return name === "localhost" || isIP(name) !== 0 || name === this.#options.host.toLowerCase();
	}
};
/** Answers with an error of this door, in the form of GitHub's. */
function refuse(response, status, why) {
	let body = JSON.stringify({ message: `swarmcache: ${why}` });
	response.writeHead(status, {
		"content-type": "application/json; charset=utf-8",
		"content-length": Buffer.byteLength(body)
	}), response.end(body);
}
export { refuse as n, HttpGateway as t };
