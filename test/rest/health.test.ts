import { expect, test } from "vitest";
import { servicesWithoutDatabase, startApp } from "../http/app-under-test.ts";
import { assertDocumented } from "./documented.ts";

test("health needs no credential, and its status is the answer's", async () => {
  for (const [query, status, words] of [
    [async () => [], 200, "healthy"],
    [() => Promise.reject(new Error("connect ECONNREFUSED 10.1.2.3:5432")), 503, "unhealthy"],
  ] as const) {
    const { app } = await startApp({ services: servicesWithoutDatabase({ sim: { query } }) });
    const response = await app.inject("/api/v1/sim-integration/health");
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ status: words, integration: "sim-parlant" });
    expect(response.body).not.toMatch(/10\.1\.2\.3|ECONN/);
    assertDocumented("GET", "/sim-integration/health", response);
    await app.close();
  }
});
