export { t as HttpGateway, n as refuse } from "./http-gateway2.js";
