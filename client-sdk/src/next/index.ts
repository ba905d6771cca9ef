export { createParlantRoute, type ParlantRoute, type ParlantRouteOptions, type RouteHandler } from "./parlant-route.ts";
