import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum, DriverAdapterError } from "@prisma/driver-adapter-utils";
import type { SchemaEngine } from "@prisma/schema-engine-wasm";
import * as bindings from "@prisma/schema-engine-wasm/schema_engine_bg";
import pg from "pg";

export interface SchemaEngineOptions {
  url: string;
  /** Statements that the connection runs first. */
  onConnect: string;
  /** The engine's datamodel: Prisma schema files. Without schemas in it the engine sees the schema `parlant` alone. */
  datamodels?: [path: string, content: string][];
  /** Runs each script in place of the adapter, which would cut it at every semicolon and so in the midst of a function. */
  runScript(connection: pg.Pool, script: string): Promise<void>;
}

export interface OpenSchemaEngine {
  engine: SchemaEngine;
  close(): Promise<void>;
}

const DATASOURCE: [path: string, content: string] = ["schema.prisma", 'datasource db {\n  provider = "postgresql"\n}\n'];

/** Opens Prisma's schema engine on one connection: its WebAssembly build, since the binary would have to be downloaded. */
export async function openSchemaEngine(options: SchemaEngineOptions): Promise<OpenSchemaEngine> {
  await instantiateOnce();
  const pool = new CatalogueReadingPool({
    connectionString: options.url,
    // One connection, so that the settings made on it hold for everything the engine does.
    max: 1,
    application_name: "sim-parlant-migrate",
    connectionTimeoutMillis: 10_000,
    onConnect: (client) => client.query(options.onConnect),
  });
  pool.on("error", () => {});
  const factory = new PrismaPg(pool, { schema: "parlant" });
  const connect = async () => {
    const adapter = await factory.connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const result = await queryRaw(query);
      for (const column of pool.charColumns.get(result.rows) ?? []) result.columnTypes[column] = ColumnTypeEnum.Character;
      return result;
    };
    adapter.executeScript = (script) => options.runScript(pool, script).catch(throwAdapterError);
    return adapter;
  };
  const engine = await bindings.SchemaEngine.new(
    { datamodels: options.datamodels ?? [DATASOURCE] },
    () => {},
    bindMigrationAwareSqlAdapterFactory({
      provider: factory.provider,
      adapterName: factory.adapterName,
      connect,
      connectToShadowDb: () => factory.connectToShadowDb(),
    }),
  );
  return {
    engine,
    async close() {
      engine.free();
      await pool.end();
    },
  };
}

const CHAR_OID = 18;
const BPCHAR_OID = 1042;

/** The adapter refuses `"char"`, the type of many catalogue columns: it is passed to it as text, and remembered. */
class CatalogueReadingPool extends pg.Pool {
  /** The columns of type `"char"` by the rows of their result, which the adapter hands on as they are. */
  readonly charColumns = new WeakMap<unknown[], number[]>();

  // The declared overloads include callback and cursor forms, which the adapter does not use.
  override query(...[config]: unknown[]): never {
    return this.#query(config as pg.QueryConfig) as never;
  }

  async #query(config: pg.QueryConfig): Promise<pg.QueryResult> {
    const result: pg.QueryResult = await super.query(config);
    // A script of several statements answers with an array of results, none of which is read.
    if (Array.isArray(result)) return result;
    const charFields = result.fields.filter((field) => field.dataTypeID === CHAR_OID);
    if (charFields.length === 0) return result;
    this.charColumns.set(
      result.rows,
      charFields.map((field) => result.fields.indexOf(field)),
    );
    for (const field of charFields) field.dataTypeID = BPCHAR_OID;
    return result;
  }
}

function throwAdapterError(error: unknown): never {
  if (!(error instanceof pg.DatabaseError)) throw error;
  throw new DriverAdapterError({
    kind: "postgres",
    code: error.code ?? "",
    severity: error.severity ?? "ERROR",
    message: error.message,
    detail: error.detail,
    column: error.column,
    hint: error.hint,
  });
}

let instantiated: Promise<void> | undefined;

/** Prisma's package imports its .wasm as a module, which no Node runs without a flag; so it is instantiated by hand. */
function instantiateOnce(): Promise<void> {
  instantiated ??= instantiate();
  return instantiated;
}

async function instantiate(): Promise<void> {
  // Where the engine leaves the message of a defect of its own, before it stops in the midst of a microtask.
  Object.assign(globalThis, {
    PRISMA_WASM_PANIC_REGISTRY: {
      set_message(message: string) {
        throw new Error(`Prisma's schema engine failed: ${message}`);
      },
    },
  });
  const file = createRequire(import.meta.url)
    .resolve("@prisma/schema-engine-wasm/schema_engine_bg")
    .replace(/\.js$/, ".wasm");
  const imports: Record<string, unknown> = { ...bindings };
  for (const name of Object.keys(imports).filter((one) => one.startsWith("__wbg_setTimeout_"))) {
    // The engine never clears the timer of its advisory lock, which would keep the process for 10 s.
    imports[name] = (callback: () => void, ms: number) => setTimeout(callback, ms).unref();
  }
  const { instance } = await WebAssembly.instantiate(await readFile(file), { "./schema_engine_bg.js": imports });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
}

/** Node has it; the types come with the browser's, which this server does without. */
declare const WebAssembly: {
  instantiate(code: Uint8Array, imports: object): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};
