export { t as CacheListing, n as LISTED_ENTRIES } from "./github-listing2.js";
