export { t as connectToNode, n as openSession } from "./compose.js";
