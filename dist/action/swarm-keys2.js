export { t as assertSwarmKey } from "./swarm-keys.js";
