import type { SourceFile } from "./source-graph.ts";

/** The server's layers, lowest first. A file imports from its own layer and those below it. */
const LAYERS: readonly (readonly string[])[] = [
  ["shared"],
  ["db"],
  ["auth"],
  ["isolation"],
  ["permissions"],
  ["audit", "jobs", "outbox"],
  ["workspaces", "sim-integration", "organizations"],
  ["trpc", "rest", "http"],
];
const TRANSPORT = LAYERS.length - 1;
const COMPOSITION = LAYERS.length;

/** A router belongs to the transports, wherever it stands; the files directly under server/ and the commands join everything. */
export function layerOf(path: string): number {
  const [, folder, ...rest] = path.split("/");
  if (path.endsWith("/router.ts")) return TRANSPORT;
  if (rest.length === 0 || path.endsWith("-cli.ts")) return COMPOSITION;
  const layer = LAYERS.findIndex((folders) => folder !== undefined && folders.includes(folder));
  if (layer < 0) throw new Error(`server/${folder} is in no layer; give it one in ${import.meta.url}`);
  return layer;
}

interface Rule {
  name: string;
  breaks(file: SourceFile): string[];
}

const SYSTEM_BINDING = "server/db/system-binding.ts";
/** Enters one workspace after the other, in one statement. */
const SYNC_BATCH = "server/db/sync-batch.ts";
const isVerb = (path: string) =>
  /^server\/(workspaces|sim-integration|organizations)\//.test(path) && !path.endsWith("/router.ts");
const packagesIn = (file: SourceFile, names: RegExp) => file.imports.filter((name) => names.test(name));

export const RULES: readonly Rule[] = [
  {
    name: "a layer imports only itself and lower ones",
    breaks: (file) =>
      file.path.startsWith("server/")
        ? file.imports.filter(
            (path) => path.startsWith("server/") && !path.includes("/generated/") && layerOf(path) > layerOf(file.path),
          )
        : [],
  },
  {
    name: "a verb knows no transport, no authentication library, no process and no HTTP",
    breaks: (file) =>
      isVerb(file.path)
        ? [
            ...packagesIn(file, /^(fastify|@fastify\/.*|@trpc\/.*|better-auth.*|pg|node:http.*|node:process)$/),
            ...matches(file, /\bprocess\.\w+/g),
          ]
        : [],
  },
  {
    name: "the base Prisma client, the driver and raw SQL are reachable in db/ alone",
    breaks: (file) => {
      if (!file.path.startsWith("server/") || file.path.startsWith("server/db/")) return [];
      const isComposition = file.path === "server/embedded-sim.ts";
      return [
        ...(isComposition ? [] : packagesIn(file, /^(pg|@prisma\/.*)$/)),
        ...matches(file, /\bunscopedPrisma\b/g),
        ...matches(file, /\$(queryRaw|executeRaw)\w*/g),
      ];
    },
  },
  {
    name: "system work enters a workspace by one binding, from jobs/, audit/, isolation/ and sim-integration/ alone",
    breaks: (file) => {
      if (!file.path.startsWith("server/")) return [];
      const isBinding = [SYSTEM_BINDING, SYNC_BATCH, "server/db/roles.ts"].includes(file.path); // which grants it
      const mayImport = /^server\/(jobs|audit|isolation|sim-integration)\//.test(file.path) && !file.path.endsWith("/router.ts");
      return [
        ...(isBinding ? [] : matches(file, /parlant_(enter_system|sync_facts)/g)),
        ...(mayImport ? [] : file.imports.filter((path) => path === SYSTEM_BINDING || path === SYNC_BATCH)),
      ];
    },
  },
  {
    name: "there are no barrels",
    breaks: (file) => [
      ...matches(file, /^export \* from/gm),
      ...(/\/index\.ts$/.test(file.path) && file.path.startsWith("server/") ? [file.path] : []),
    ],
  },
  {
    name: "a file is named for its one job",
    breaks: (file) => (/\/(utils|helpers|types|common|misc)\.ts$/.test(file.path) ? [file.path] : []),
  },
  {
    name: "a file stays under 300 lines",
    breaks: (file) => (file.text.split("\n").length > 300 ? [`${file.text.split("\n").length} lines`] : []),
  },
  {
    name: "the client's sources import nothing of the server",
    breaks: (file) => (file.path.startsWith("client-sdk/src/") ? file.imports.filter((path) => path.startsWith("server/")) : []),
  },
  {
    name: "the server imports of the client what both have to agree on, and nothing else",
    breaks: (file) =>
      file.path.startsWith("server/")
        ? file.imports.filter(
            (path) => path.startsWith("client-sdk/") && !/^client-sdk\/src\/(audit|webhooks)\/index\.ts$/.test(path),
          )
        : [],
  },
];

/** Every break of a rule, as a sentence. */
export function findBreaks(files: readonly SourceFile[]): string[] {
  return RULES.flatMap(({ name, breaks }) =>
    files.flatMap((file) => breaks(file).map((what) => `${file.path}: ${what} (${name})`)),
  );
}

function matches(file: SourceFile, pattern: RegExp): string[] {
  return [...file.text.matchAll(pattern)].map(([text]) => text);
}
