export { t as CacheListing, n as LISTED_ENTRIES, r as parseEntries } from "./github-listing2.js";
