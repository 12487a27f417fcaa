// src/archive/tree-archive.ts
/** Packs and unpacks trees of the local file system; what a process never does is never loaded. */
var TreeArchive = class {
	async pack(paths, sink, options) {
		let { packTree } = await import("./pack.js");
		return await packTree(paths, sink, options);
	}
	async plan(manifest, catalog, paths, options) {
		let { planTree } = await import("./plan.js");
		return await planTree(manifest, catalog, paths, options);
	}
	async packStream(content, sink, options = {}) {
		let { packStream } = await import("./pack-stream.js");
		return await packStream(content, sink, options.signal);
	}
	async check(paths, options) {
		let { TarCheck } = await import("./tar-check.js");
		return new TarCheck(paths, options);
	}
};
export { TreeArchive };
