// src/core/version.ts
/** The version of this package, as package.json has it. */
const VERSION = "0.1.0";
export { VERSION as t };
