import { type AnyTRPCRouter, callTRPCProcedure } from "@trpc/server";
import superjson from "superjson";
import { pathParams } from "../../../server/rest/read-input.ts";
import { ROUTES, type Route } from "../../../server/rest/routes.ts";
import type { RequestContext } from "../../../server/trpc/context.ts";
import { httpStatus, toAppError } from "../../../server/trpc/errors.ts";
import type { Procedures } from "./place.ts";

/** Everything that a caller sees of an answer, but for what differs between any two requests. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** A way of calling one procedure. */
export interface Transport {
  name: string;
  /** The statuses that mean that the call was carried out. */
  isSuccess(status: number): boolean;
  send(headers: Record<string, string>, input: unknown): Promise<Answer>;
}

/** One id for all requests, so that answers can be compared to the byte. */
export const REQUEST_ID = "replayed";
const DIFFERING = ["date", "x-ratelimit-remaining", "x-ratelimit-reset"];
const isOk = (status: number) => status >= 200 && status < 300;

/** What came of a request, as it is compared. */
export async function answerOf(request: Promise<Response>): Promise<Answer> {
  const response = await request;
  const headers = Object.fromEntries([...response.headers].filter(([name]) => !DIFFERING.includes(name)));
  return { status: response.status, headers, body: await response.text() };
}

/** Every way in which the server at `url` is asked for a procedure: each REST route of it, and tRPC in both of its handlers. */
export function transportsOf(url: string, path: string, procedures: Procedures): Transport[] {
  const type = procedures[path]?.type;
  if (type === "subscription") return [streamTransport(url, path)];
  if (type !== "query" && type !== "mutation") throw new Error(`${path} is a ${type}: teach transports.ts how to call it`);
  const rest = ROUTES.filter((route) => route.procedure === path).flatMap((route) => restTransports(url, route));
  return [...rest, trpcTransport(url, path, type, ""), trpcTransport(url, path, type, "unusual=1")];
}

function restTransports(url: string, route: Route): Transport[] {
  const methods = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
  return methods.map((method) => ({
    name: `${method} ${route.path}`,
    isSuccess: (status) => isOk(status) || route.otherStatuses.includes(status),
    send(headers, input) {
      const { target, rest } = splitInput(route, (input ?? {}) as Record<string, unknown>);
      const isInQuery = route.method === "GET";
      const query = isInQuery ? toQuery(route, rest) : "";
      return answerOf(
        fetch(`${url}/api/v1${target}${query}`, {
          method,
          headers: {
            "x-request-id": REQUEST_ID,
            ...headers,
            ...(!isInQuery && Object.keys(rest).length > 0 && { "content-type": "application/json" }),
          },
          ...(!isInQuery && Object.keys(rest).length > 0 && { body: JSON.stringify(rest) }),
        }),
      );
    },
  }));
}

function splitInput(route: Route, input: Record<string, unknown>): { target: string; rest: Record<string, unknown> } {
  const rest = { ...input };
  let target = route.path;
  for (const name of pathParams(route.path)) {
    const written = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    target = target.replace(`{${written}}`, encodeURIComponent(String(rest[name])));
    delete rest[name];
  }
  return { target, rest };
}

function toQuery(route: Route, rest: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) {
    for (const one of [value].flat()) {
      if (typeof one === "object" && !(one instanceof Date))
        throw new Error(`${route.path}: "${name}" does not fit into a query`);
      query.append(name, one instanceof Date ? one.toISOString() : String(one));
    }
  }
  return query.size > 0 ? `?${query}` : "";
}

function trpcTransport(url: string, path: string, type: "query" | "mutation", parameter: string): Transport {
  return {
    name: `tRPC ${type}${parameter && " by tRPC's own handler"}`,
    isSuccess: isOk,
    send: (headers, input) => sendTrpc(url, { path, type, headers, wire: superjson.serialize(input), parameter }),
  };
}

/** A stream, which is carried out once it has begun: what it says by then is its answer. */
function streamTransport(url: string, path: string): Transport {
  return {
    name: "tRPC subscription",
    isSuccess: isOk,
    async send(headers, input) {
      const given = encodeURIComponent(JSON.stringify(superjson.serialize(input)));
      const response = await fetch(`${url}/api/trpc/${path}?input=${given}`, {
        headers: { "x-request-id": REQUEST_ID, accept: "text/event-stream", ...headers },
      });
      if (!response.headers.get("content-type")?.includes("event-stream")) return answerOf(Promise.resolve(response));
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let body = "";
      while (!body.includes("\n\n")) body += (await reader?.read())?.value ?? "\n\n";
      await reader?.cancel();
      return { status: response.status, headers: {}, body };
    },
  };
}

/** A batch, each call of it with an input of its own. */
export function sendBatch(
  url: string,
  type: "query" | "mutation",
  headers: Record<string, string>,
  calls: readonly { path: string; input: unknown }[],
  parameter = "",
): Promise<Answer> {
  const wire = Object.fromEntries(calls.map(({ input }, index) => [index, superjson.serialize(input)]));
  const path = calls.map((call) => call.path).join(",");
  return sendTrpc(url, { path, type, headers, wire, parameter: ["batch=1", parameter].filter(Boolean).join("&") });
}

function sendTrpc(
  url: string,
  call: { path: string; type: "query" | "mutation"; headers: Record<string, string>; wire: unknown; parameter: string },
): Promise<Answer> {
  const { path, type, wire, parameter } = call;
  const headers = { "x-request-id": REQUEST_ID, ...call.headers };
  const text = JSON.stringify(wire);
  return type === "query"
    ? answerOf(fetch(`${url}/api/trpc/${path}?${parameter}&input=${encodeURIComponent(text)}`.replace("?&", "?"), { headers }))
    : answerOf(
        fetch(`${url}/api/trpc/${path}?${parameter}`.replace(/\?$/, ""), {
          method: "POST",
          headers: { ...headers, "content-type": "application/json" },
          body: text,
        }),
      );
}

/** Calls a procedure of any router without HTTP, for routers that no server has. */
export function callerTransport(
  router: AnyTRPCRouter,
  path: string,
  type: "query" | "mutation",
  contextOf: (headers: Record<string, string>) => RequestContext,
): Transport {
  return {
    name: "a call",
    isSuccess: isOk,
    async send(headers, input) {
      const call = {
        router,
        path,
        type,
        ctx: contextOf(headers),
        getRawInput: async () => input,
        signal: undefined,
        batchIndex: 0,
      };
      try {
        return { status: 200, headers: {}, body: JSON.stringify(await callTRPCProcedure(call)) ?? "" };
      } catch (error) {
        const appError = toAppError(error);
        return { status: httpStatus(appError), headers: {}, body: JSON.stringify(appError.toBody()) };
      }
    },
  };
}
