import { rmSync } from "node:fs";
function send(message) {
	process.connected && process.send?.(message);
}
const replaced = /* @__PURE__ */ new Map();
/** Gives this call its own variables, and takes those of the call before away. */
function setEnvironment(own = {}) {
	for (let [name, value] of replaced) value === void 0 ? delete process.env[name] : process.env[name] = value;
	replaced.clear();
	for (let [name, value] of Object.entries(own)) replaced.set(name, process.env[name]), process.env[name] = value;
}
async function run(call) {
	setEnvironment(call.environment), process.chdir(call.workingDirectory), call.workspace === void 0 ? delete process.env.GITHUB_WORKSPACE : process.env.GITHUB_WORKSPACE = call.workspace;
	let client = await import("./cache.js");
	if (!client.isFeatureAvailable()) return { available: !1 };
	let paths = [...call.paths];
	if (call.kind === "save") return {
		available: !0,
		result: await client.saveCache(paths, call.key, { uploadChunkSize: 4194304 }, call.crossOs)
	};
	let options = { lookupOnly: call.kind === "lookup" }, restoreKeys = [...call.restoreKeys];
	return {
		available: !0,
		result: await client.restoreCache(paths, call.key, restoreKeys, options, call.crossOs)
	};
}
function start() {
	let write = (chunk, ...rest) => {
		send({ output: (typeof chunk == "string" ? chunk : Buffer.from(chunk).toString("utf8")).slice(0, 16384) });
		let callback = rest.at(-1);
		return typeof callback == "function" && process.nextTick(callback), !0;
	};
	process.stdout.write = write, process.stderr.write = write, process.on("uncaughtException", (error) => {
		let crashed = error instanceof Error ? error.message : String(error);
		setTimeout(() => send({ crashed }), 500);
	}), process.on("disconnect", () => {
		try {
			rmSync(process.env.RUNNER_TEMP ?? "", {
				recursive: !0,
				force: !0
			});
		} finally {
			process.platform === "win32" && process.exit(), process.kill(-process.pid, "SIGKILL");
		}
	}), process.on("message", (call) => {
		run(call).then((done) => send({ done }), (error) => {
			send({ done: {
				available: !0,
				error: error instanceof Error ? error.message : String(error)
			} });
		});
	});
}
process.send !== void 0 && process.env.SWARMCACHE_UPSTREAM_WORKER === "1" && start();
export {};
