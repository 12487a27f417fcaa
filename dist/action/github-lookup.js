export { t as ANNOUNCEMENT_PATH, n as CacheLookup } from "./github-lookup2.js";
