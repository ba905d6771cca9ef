/** Where the REST API lives, after the base path. */
export const REST_PREFIX = "/api/v1";
